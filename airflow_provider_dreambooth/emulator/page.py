# SPDX-License-Identifier: Apache-2.0
"""The page at /, and for one training or model: plain HTML that asks the control endpoints every second."""

from __future__ import annotations

import html

from airflow_provider_dreambooth.emulator.inventions import INVENTED

_STYLE = """
:root { color-scheme: light dark; --card: light-dark(#fff, #1a1d28); --line: light-dark(#dfe3ec, #2b3040);
  --soft: light-dark(#646d82, #98a1b8) }
body { margin: 0 auto; max-width: 1040px; padding: 28px 20px; font: 15px/1.5 system-ui, sans-serif;
  background: light-dark(#f5f6fa, #11131a); color: light-dark(#1b2030, #e9ebf3) }
.row, .images { display: flex; gap: 10px; align-items: baseline; flex-wrap: wrap }
h1 { font-size: 22px; margin: 0 }
a { color: light-dark(#5b5bd6, #8d8dff); text-decoration: none }
.soft { color: var(--soft); font-size: 13px }
.push { margin-left: auto }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 18px 20px; margin-top: 16px }
.model_ready { accent-color: #1f9d63 } .training_failed { accent-color: #d3394f } .gone { opacity: .55 }
progress { display: block; width: 100%; margin: 10px 0 }
.images { margin-top: 10px }
.images img { width: 60px; height: 60px; object-fit: cover; border-radius: 9px; background: var(--line); font-size: 9px }
.renderings img { width: 210px; height: 210px }
pre { white-space: pre-wrap; font-size: 12px; color: var(--soft) }
details { margin-top: 34px }
"""
_SCRIPT = r"""
const address = location.pathname.match(/^\/(?:trainings|models)\/([^/]+)/);
const wanted = address ? decodeURIComponent(address[1]) : '';
const list = document.getElementById('list'), cards = new Map();
function make(parent, tag, kind, text) {
  const element = document.createElement(tag);
  element.className = kind || '';
  element.textContent = text || '';
  parent.append(element);
  return element;
}
function source(link) {
  const path = link.replace(/^https?:\/\/[^/]+/, '');
  if (path.startsWith('/generations/')) return path + '?peek';
  if (/^\/(samples|uploads)\//.test(path)) return path;
  return /^https?:/.test(link) ? link : '';
}
function image(parent, link, text) {
  const anchor = make(parent, 'a'), shown = make(anchor, 'img');
  shown.alt = anchor.title = text;
  shown.loading = 'lazy';
  shown.src = anchor.href = source(link);
  anchor.rel = 'noopener noreferrer';
  anchor.dataset.link = link;
}
function newCard(training) {
  const card = make(list, 'section'), row = make(card, 'div', 'row'), body = training.body;
  const steps = body.max_train_steps || body.training_steps || body.steps_unet;
  const facts = [training.method, training.environment, steps && steps + ' steps', body.training_type];
  make(row, 'a', '', training.training_id).href = '/trainings/' + encodeURIComponent(training.training_id);
  card.stage = make(row, 'b');
  make(row, 'span', 'soft', facts.filter(Boolean).join(' · '));
  card.note = make(row, 'span', 'soft push');
  card.bar = make(card, 'progress');
  make(card, 'div', '', body.instance_prompt || body.trigger_word);
  const images = make(card, 'div', 'images');
  for (const link of body.images.slice(0, 24)) image(images, link, link);
  card.renderings = make(card, 'div', 'images renderings');
  card.log = make(card, 'pre');
  card.log.hidden = !wanted;
  return card;
}
function show(card, training, renderings) {
  const gone = training.deleted ? 'deleted' : training.vanished ? 'vanished' : '';
  card.className = `card ${training.stage} ${gone && 'gone'}`;
  card.stage.textContent = gone || training.stage;
  card.bar.value = training.progress;
  card.log.textContent = training.data.split(' /n ').join('\n').trim();
  card.note.textContent = training.stage === 'training_failed' ? training.data
    : training.over ? '' : Math.round(training.progress * 100) + '%';
  const have = new Set([...card.renderings.children].map(anchor => anchor.dataset.link));
  for (const rendering of renderings)
    for (const link of rendering.output)
      if (!have.has(link)) image(card.renderings, link, rendering.prompt);
}
async function update() {
  const count = document.getElementById('count');
  try {
    const answers = ['trainings', 'renders'].map(name => fetch('/emulator/' + name).then(it => it.json()));
    const [trainings, renderings] = await Promise.all(answers);
    const mine = trainings.filter(it => !wanted || it.training_id === wanted).slice(-60);
    const ids = new Set(mine.map(it => it.training_id));
    for (const [id, card] of cards) if (!ids.has(id)) { card.remove(); cards.delete(id); }
    document.getElementById('none').hidden = mine.length > 0;
    count.textContent = `${trainings.length} trainings · ${renderings.length} renderings`;
    for (const training of mine) {
      const id = training.training_id;
      if (!cards.has(id)) { cards.set(id, newCard(training)); list.prepend(cards.get(id)); }
      show(cards.get(id), training, renderings.filter(it => it.training_id === id && !it.processing).slice(-12));
    }
  } catch (error) { count.textContent = 'no answer from the emulator'; }
  setTimeout(update, 1000);
}
update();
"""
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dreambooth emulator</title><link rel="icon" href="data:,"><style>{style}</style></head><body>
<header class="row"><h1><a href="/">Dreambooth emulator</a></h1>
<span class="soft">a local stand-in: nothing is trained, nothing is paid</span>
<span class="soft push" id="count"></span></header>
<p id="none" class="card" hidden>
No training here yet. Images to start one with: <a href="/samples">/samples</a>.</p>
<div id="list"></div>
<details class="soft"><summary>What the hosted service does not document and this emulator invents</summary>
<ul>{inventions}</ul></details><script>{script}</script></body></html>
"""


def page() -> str:
    """Return the page; which training it shows is read from its address by the script."""
    inventions = "".join(
        f"<li>{html.escape(invention.what)}: {html.escape(invention.here)}"
        + (f" <code>{html.escape(invention.option)}</code>" if invention.option else "")
        + "</li>"
        for invention in INVENTED
    )
    return _PAGE.format(style=_STYLE, script=_SCRIPT, inventions=inventions)

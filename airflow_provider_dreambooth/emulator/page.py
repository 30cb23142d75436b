"""The page at /, and for one training or model: plain HTML that asks the control endpoints every second."""

from __future__ import annotations

import html

from airflow_provider_dreambooth.emulator.inventions import INVENTED

_STYLE = """
:root { color-scheme: light dark; --back: #f5f6fa; --card: #fff; --text: #1b2030; --soft: #646d82;
  --line: #dfe3ec; --accent: #5b5bd6; --done: #1f9d63; --bad: #d3394f; --off: #8b93a7 }
@media (prefers-color-scheme: dark) { :root { --back: #11131a; --card: #1a1d28; --text: #e9ebf3;
  --soft: #98a1b8; --line: #2b3040; --accent: #8d8dff; --done: #2fae74; --bad: #f05b6f; --off: #6d7690 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
main { max-width: 1040px; margin: 0 auto; padding: 28px 20px 60px }
header, .row { display: flex; gap: 10px; align-items: baseline; flex-wrap: wrap }
h1 { font-size: 22px; margin: 0 }
a { color: var(--accent); text-decoration: none }
.soft { color: var(--soft); font-size: 13px }
.push { margin-left: auto }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 18px 20px;
  margin-top: 16px; --state: var(--accent) }
.done { --state: var(--done) } .bad { --state: var(--bad) } .off { --state: var(--off) }
.gone { opacity: .55 }
.id { font: 600 15px ui-monospace, monospace }
.stage { border-radius: 99px; padding: 2px 11px; font-size: 12.5px; color: #fff; background: var(--state) }
.bar { height: 8px; border-radius: 8px; background: var(--line); overflow: hidden; margin: 12px 0 8px }
.bar i { display: block; height: 100%; border-radius: 8px; background: var(--state);
  transition: width .9s linear }
.pictures { display: flex; gap: 8px; flex-wrap: wrap; margin-top: 10px }
.pictures img { width: 60px; height: 60px; object-fit: cover; border-radius: 9px; background: var(--line);
  display: block; overflow: hidden; font-size: 9px }
.renders img { width: 210px; height: 210px }
pre { white-space: pre-wrap; font-size: 12px; color: var(--soft); margin: 10px 0 0 }
code { background: var(--line); border-radius: 5px; padding: 1px 5px }
details { margin-top: 34px }
"""
_SCRIPT = r"""
const address = location.pathname.match(/^\/(?:trainings|models)\/([^/]+)/);
const wanted = address ? decodeURIComponent(address[1]) : '';
const list = document.getElementById('list'), cards = new Map();
function make(tag, kind, text) {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text != null) element.textContent = text;
  return element;
}
function local(link) {
  try {
    const path = new URL(link).pathname;
    if (path.startsWith('/generations/')) return path + '?peek';
    if (/^\/(samples|uploads)\//.test(path)) return path;
  } catch (error) { return ''; }
  return /^https?:/.test(link) ? link : '';
}
function picture(link, text) {
  const anchor = make('a'), image = make('img');
  image.alt = anchor.title = text;
  image.loading = 'lazy';
  image.src = anchor.href = local(link);
  anchor.target = '_blank';
  anchor.rel = 'noopener noreferrer';
  anchor.dataset.link = link;
  anchor.append(image);
  return anchor;
}
function announced(training) {
  const etas = [...training.data.matchAll(/ETA : ([0-9.]+ \w+)/g)];
  const last = etas.pop() || training.data.match(/upto (.*?)\.?$/);
  return last ? last[1] + ' announced · ' : '';
}
function look(training) {
  if (training.deleted || training.vanished) return 'gone off';
  if (training.stage === 'model_ready') return 'done';
  if (training.stage === 'training_failed') return 'bad';
  return training.cancelled ? 'off' : '';
}
function facts(training) {
  const body = training.body, steps = body.max_train_steps || body.steps_unet;
  return [training.method, training.environment, steps && steps + ' steps', body.training_type]
    .filter(Boolean).join(' · ');
}
function newCard(training) {
  const card = make('section'), row = make('div', 'row'), bar = make('div', 'bar');
  const pictures = make('div', 'pictures');
  const name = make('a', 'id', training.training_id);
  card.id = training.training_id;
  name.href = '/trainings/' + encodeURIComponent(training.training_id);
  card.stage = make('span', 'stage');
  card.note = make('span', 'soft push');
  card.bar = make('i');
  card.renders = make('div', 'pictures renders');
  card.log = make('pre');
  card.log.hidden = !wanted;
  row.append(name, card.stage, make('span', 'soft', facts(training)), card.note);
  bar.append(card.bar);
  for (const link of training.body.images.slice(0, 24)) pictures.append(picture(link, link));
  const prompts = `${training.body.instance_prompt}  (${training.body.class_prompt})`;
  card.append(row, bar, make('div', '', prompts), pictures, card.renders, card.log);
  return card;
}
function show(card, training, renders) {
  const percent = Math.round(training.progress * 100) + '%';
  card.className = 'card ' + look(training);
  card.stage.textContent = training.deleted ? 'deleted' : training.vanished ? 'vanished' : training.stage;
  card.bar.style.width = percent;
  card.log.textContent = training.data.split(' /n ').join('\n').trim();
  card.note.textContent = training.stage === 'training_failed' ? training.data
    : training.over ? '' : announced(training) + percent;
  const have = new Set([...card.renders.children].map(anchor => anchor.dataset.link));
  for (const render of renders)
    for (const link of render.output)
      if (!have.has(link)) card.renders.append(picture(link, render.prompt));
}
async function update() {
  try {
    const answers = ['trainings', 'renders'].map(name => fetch('/emulator/' + name).then(it => it.json()));
    const [trainings, renders] = await Promise.all(answers);
    const mine = trainings.filter(it => !wanted || it.training_id === wanted).reverse().slice(0, 60);
    const ids = new Set(mine.map(it => it.training_id));
    for (const [id, card] of cards) if (!ids.has(id)) { card.remove(); cards.delete(id); }
    document.getElementById('none').hidden = mine.length > 0;
    const count = document.getElementById('count');
    count.textContent = `${trainings.length} trainings · ${renders.length} renders`;
    mine.forEach((training, place) => {
      const id = training.training_id;
      if (!cards.has(id)) cards.set(id, newCard(training));
      const card = cards.get(id);
      show(card, training, renders.filter(it => it.training_id === id && !it.processing).slice(-12));
      if (list.children[place] !== card) list.insertBefore(card, list.children[place] || null);
    });
  } catch (error) { document.getElementById('count').textContent = 'no answer from the emulator'; }
  setTimeout(update, 1000);
}
update();
"""
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dreambooth emulator</title><link rel="icon" href="data:,"><style>{style}</style></head><body><main>
<header><h1><a href="/">Dreambooth emulator</a></h1>
<span class="soft">a local stand-in: nothing is trained, nothing is paid</span>
<span class="soft push" id="count"></span></header>
<p id="none" class="card" hidden>
No training here yet. Pictures to start one with: <a href="/samples">/samples</a>.</p>
<div id="list"></div>
<details class="soft"><summary>What the hosted service does not document and this emulator invents</summary>
<ul>{inventions}</ul></details></main><script>{script}</script></body></html>
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

# SPDX-License-Identifier: Apache-2.0
"""The service's own words: endpoints, stages and fixed lists, written down from its documentation.

Nothing here is taken from the provider: two independent readings catch each other's mistakes.
"""

from __future__ import annotations

SANDBOX = "sandbox"
PRODUCTION = "production"
# Trainings of the v6 trainer, which has neither of the two and knows no training of v3.
TRAINER_V6 = "v6_trainer"

# Endpoint name -> path below /api. Names are the emulator's own and are used in fault rules and counters.
FIXED_PATHS: dict[str, str] = {
    "sandbox/v3/fine_tune": "sandbox_fine_tune",
    "v3/fine_tune": "fine_tune",
    "v3/fine_tune_v2": "fine_tune_v2",
    "v3/lora_fine_tune": "lora_fine_tune",
    "v3/finetune_list": "finetune_list",
    "v3/base64_crop": "base64_crop",
    "v3/dreambooth/buy_model": "buy_model",
    "v4/dreambooth/model_list": "model_list",
    "v3/dreambooth": "text_to_image_v3",
    "v4/dreambooth": "text_to_image_v4",
    "v4/dreambooth/fetch": "fetch_image_v4",
    "v4/dreambooth/model_reload": "model_reload_v4",
    "v6/images/text2img": "text_to_image_v6",
    "v6/images/fetch": "fetch_image_v6",
    "v6/images/model_reload": "model_reload_v6",
    "v6/trainer/train": "trainer_train",
    "v6/trainer/stop": "trainer_stop",
    "wallet_balance": "wallet_balance",
}
# The same, for paths that end in an id.
PATHS_WITH_ID: dict[str, str] = {
    "sandbox/v3/fine_tune_status": "sandbox_fine_tune_status",
    "v3/fine_tune_status": "fine_tune_status",
    "v3/cancle_training": "cancle_training",
    "v3/cancel_training": "cancel_training",
    "v3/finetune/delete": "finetune_delete",
    "v3/delete": "finetune_delete",
    "v3/dreambooth/fetch": "fetch_image_v3",
    "v6/images/fetch": "fetch_image_v6",
    "v6/trainer/status": "trainer_status",
}
# Names that stand for several endpoints in a fault rule.
ENDPOINT_GROUPS: dict[str, frozenset[str]] = {
    "create": frozenset(
        {"sandbox_fine_tune", "fine_tune", "fine_tune_v2", "lora_fine_tune", "trainer_train"}
    ),
    "status": frozenset({"sandbox_fine_tune_status", "fine_tune_status", "trainer_status"}),
    "cancel": frozenset({"cancle_training", "cancel_training", "trainer_stop"}),
    "text_to_image": frozenset({"text_to_image_v3", "text_to_image_v4", "text_to_image_v6"}),
    "fetch_image": frozenset({"fetch_image_v3", "fetch_image_v4", "fetch_image_v6"}),
    "model_reload": frozenset({"model_reload_v4", "model_reload_v6"}),
}
# What --inference switches: the paths of 2023 and those of today.
INFERENCE: frozenset[str] = (
    ENDPOINT_GROUPS["text_to_image"] | ENDPOINT_GROUPS["fetch_image"] | ENDPOINT_GROUPS["model_reload"]
)
INFERENCE_V6: frozenset[str] = frozenset(name for name in INFERENCE if name.endswith("_v6"))
# No API call: the download of an image of a rendering.
IMAGE_DOWNLOAD = "picture"
ENDPOINTS: frozenset[str] = frozenset({*FIXED_PATHS.values(), *PATHS_WITH_ID.values(), IMAGE_DOWNLOAD})

METHOD_OF_ENDPOINT: dict[str, str] = {
    "sandbox_fine_tune": "dreambooth",
    "fine_tune": "dreambooth",
    "fine_tune_v2": "dreambooth_v2",
    "lora_fine_tune": "lora",
    "trainer_train": TRAINER_V6,
}
ENVIRONMENT_OF_ENDPOINT: dict[str, str] = {"sandbox_fine_tune": SANDBOX, "trainer_train": TRAINER_V6}

DEPLOYING_GPU = "deploying_gpu"
TRAINING_STARTED = "training_started"
TRAINING_SUCCESS = "training_success"
COMPRESSING = "trained_model_compressing"
UPLOADING = "trained_model_uploading"
UPLOADED = "trained_model_uploaded"
DEPLOYING_MODEL = "deploying_model"
MODEL_READY = "model_ready"
STAGES: tuple[str, ...] = (
    DEPLOYING_GPU,
    TRAINING_STARTED,
    TRAINING_SUCCESS,
    COMPRESSING,
    UPLOADING,
    UPLOADED,
    DEPLOYING_MODEL,
    MODEL_READY,
)
# The v6 trainer's own; it calls everything before it `training_started`.
TRAINING_COMPLETED = "training_completed"
# Observed in the service's own worker, in no documentation.
TRAINING_FAILED = "training_failed"
# Invented for v3: no source documents what a cancelled training shows. The v6 trainer calls a failure so.
TRAINING_CANCELLED = "training_cancelled"

TOO_FEW_IMAGES = "Training Failed:  Valid image links less than 3"
FEWEST_USABLE_IMAGES = 3

LEARNING_RATES: frozenset[str] = frozenset(
    {f"1e-{exponent}" for exponent in range(5, 11)}
    | {f"{mantissa}e-{exponent}" for mantissa in range(2, 7) for exponent in range(11)}
)

# What v6 renders at most, whatever was asked for.
MOST_STEPS_V6 = 20

SD15 = "sd15"
SDXL = "sdxl"
FLUX = "flux"
Z_IMAGE = "z-image"
# `base_model_type` of a v3 LoRA -> the family of base models it fits.
FAMILY_OF_BASE_MODEL_TYPE: dict[str, str] = {"normal": SD15, "sdxl": SDXL}
# Public models the emulator knows: id -> name and family. Invented but for the first id and `flux`.
PUBLIC_MODELS: dict[str, tuple[str, str]] = {
    "portraitplus-diffusion": ("Portrait+ Diffusion", SD15),
    "midjourney": ("MidJourney", SD15),
    "realistic-vision-v13": ("Realistic Vision V1.3", SD15),
    "anything-v3": ("Anything V3", SD15),
    "stable-diffusion-v1-5": ("Stable Diffusion 1.5", SD15),
    "sdxl": ("Stable Diffusion XL", SDXL),
    "flux": ("Flux", FLUX),
    "z-image-turbo": ("Z-Image Turbo", Z_IMAGE),
}
# The base model that the answer of a v6 training names.
BASE_OF_FAMILY: dict[str, str] = {FLUX: "flux", Z_IMAGE: "z-image-turbo", "": "flux"}


def family_of_trainer(trainer_id: str) -> str:
    """Return the family of base models that a v6 trainer's LoRA fits; empty for a trainer nobody described.

    :param trainer_id: such as ``flux_lora_trainer``.
    """
    return next((family for family in (FLUX, Z_IMAGE) if trainer_id.startswith(family)), "")

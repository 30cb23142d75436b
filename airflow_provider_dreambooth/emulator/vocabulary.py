"""The service's own words: endpoints, stages and fixed lists, written down from its documentation.

Nothing here is taken from the provider: two independent readings catch each other's mistakes.
"""

from __future__ import annotations

SANDBOX = "sandbox"
PRODUCTION = "production"

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
    "v4/dreambooth/model_reload": "model_reload",
    "v6/images/model_reload": "model_reload",
}
# The same, for paths that end in an id.
PATHS_WITH_ID: dict[str, str] = {
    "sandbox/v3/fine_tune_status": "sandbox_fine_tune_status",
    "v3/fine_tune_status": "fine_tune_status",
    "v3/cancle_training": "cancle_training",
    "v3/cancel_training": "cancel_training",
    "v3/finetune/delete": "finetune_delete",
    "v3/dreambooth/fetch": "fetch_image_v3",
}
# Names that stand for several endpoints in a fault rule.
ENDPOINT_GROUPS: dict[str, frozenset[str]] = {
    "create": frozenset({"sandbox_fine_tune", "fine_tune", "fine_tune_v2", "lora_fine_tune"}),
    "status": frozenset({"sandbox_fine_tune_status", "fine_tune_status"}),
    "cancel": frozenset({"cancle_training", "cancel_training"}),
    "text_to_image": frozenset({"text_to_image_v3", "text_to_image_v4"}),
    "fetch_image": frozenset({"fetch_image_v3", "fetch_image_v4"}),
}
# No API call: the GET of a finished picture.
PICTURE = "picture"
ENDPOINTS: frozenset[str] = frozenset({*FIXED_PATHS.values(), *PATHS_WITH_ID.values(), PICTURE})

METHOD_OF_ENDPOINT: dict[str, str] = {
    "sandbox_fine_tune": "dreambooth",
    "fine_tune": "dreambooth",
    "fine_tune_v2": "dreambooth_v2",
    "lora_fine_tune": "lora",
}

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
# Observed in the service's own worker, in no documentation.
TRAINING_FAILED = "training_failed"
# Invented: no source documents what a cancelled training shows.
TRAINING_CANCELLED = "training_cancelled"

TOO_FEW_IMAGES = "Training Failed:  Valid image links less than 3"
FEWEST_USABLE_IMAGES = 3

LEARNING_RATES: frozenset[str] = frozenset(
    {f"1e-{exponent}" for exponent in range(5, 11)}
    | {f"{mantissa}e-{exponent}" for mantissa in range(2, 7) for exponent in range(11)}
)

# Public models the emulator knows, in the shape of `v4/dreambooth/model_list`. Invented but for the first id.
PUBLIC_MODELS: tuple[tuple[str, str], ...] = (
    ("portraitplus-diffusion", "Portrait+ Diffusion"),
    ("midjourney", "MidJourney"),
    ("realistic-vision-v13", "Realistic Vision V1.3"),
    ("anything-v3", "Anything V3"),
    ("stable-diffusion-v1-5", "Stable Diffusion 1.5"),
    ("sdxl", "Stable Diffusion XL"),
)
PUBLIC_MODEL_IDS: frozenset[str] = frozenset(model_id for model_id, _ in PUBLIC_MODELS)

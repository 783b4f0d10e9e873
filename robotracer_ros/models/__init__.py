"""RoboTracer's architecture as a transformers model; importing this registers it with the Auto classes."""

from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from robotracer_ros.models.configuration import RoboTracerConfig, RoboTracerSpatialConfig, nano_config
from robotracer_ros.models.image_processing import RoboTracerImageProcessor
from robotracer_ros.models.modeling import RoboTracerForConditionalGeneration, RoboTracerOutput
from robotracer_ros.models.number_embeddings import initialise_numbers, smooth_numbers
from robotracer_ros.models.packing import packed_mask, packed_positions
from robotracer_ros.models.processing import RoboTracerProcessor
from robotracer_ros.models.spatial_grids import spatial_grids
from robotracer_ros.models.tokenization import build_tokenizer

AutoConfig.register("robotracer_spatial", RoboTracerSpatialConfig, exist_ok=True)
AutoConfig.register("robotracer", RoboTracerConfig, exist_ok=True)
AutoModelForImageTextToText.register(RoboTracerConfig, RoboTracerForConditionalGeneration, exist_ok=True)
# One class for both back ends that transformers may look for: neither is used.
AutoImageProcessor.register(
    RoboTracerConfig,
    image_processor_classes={"pil": RoboTracerImageProcessor, "torchvision": RoboTracerImageProcessor},
    exist_ok=True,
)
AutoTokenizer.register(RoboTracerConfig, fast_tokenizer_class=PreTrainedTokenizerFast, exist_ok=True)
AutoProcessor.register(RoboTracerConfig, RoboTracerProcessor, exist_ok=True)

__all__ = [
    "RoboTracerConfig",
    "RoboTracerForConditionalGeneration",
    "RoboTracerImageProcessor",
    "RoboTracerOutput",
    "RoboTracerProcessor",
    "RoboTracerSpatialConfig",
    "build_tokenizer",
    "initialise_numbers",
    "nano_config",
    "packed_mask",
    "packed_positions",
    "smooth_numbers",
    "spatial_grids",
]

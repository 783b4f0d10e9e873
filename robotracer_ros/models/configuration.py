"""The shape of a RoboTracer: a vision tower, a spatial encoder and a text model, each with its own configuration."""

from collections.abc import Mapping
from typing import Any, ClassVar

from transformers import PreTrainedConfig, Qwen2Config, SiglipVisionConfig

from robotracer_ros.errors import InvalidRequest


class RoboTracerSpatialConfig(PreTrainedConfig):  # type: ignore[misc]
    """The spatial encoder: a small ViT over colour, rays and depth on one grid.

    Attributes:
        image_size: cells per side of the grid.
        patch_size: cells per side of one token's patch; even, and a divisor of ``image_size``.
        depth_centre_m: depth whose logarithm is the network's zero, metres.
        depth_spread: of the logarithm of depth; divides what enters the network.
        depth_frequencies: octaves of sine and cosine in which each quarter patch's mean depth is written; the first
            has a period of 8 m, the tenth of 16 mm.
    """

    model_type = "robotracer_spatial"
    base_config_key = "spatial_config"

    hidden_size: int = 128
    intermediate_size: int = 512
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    image_size: int = 96
    patch_size: int = 8
    hidden_act: str = "gelu_pytorch_tanh"
    layer_norm_eps: float = 1e-6
    attention_dropout: float = 0.0
    depth_centre_m: float = 0.8
    depth_spread: float = 0.3
    depth_frequencies: int = 10

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        if self.image_size % self.patch_size or self.patch_size % 2:
            raise InvalidRequest(
                f"the spatial grid's patch_size must be even and divide image_size, received {self.patch_size} "
                f"and {self.image_size}"
            )

    @property
    def num_tokens(self) -> int:
        """Tokens of one picture."""
        return int(self.image_size // self.patch_size) ** 2


class RoboTracerConfig(PreTrainedConfig):  # type: ignore[misc]
    """RoboTracer (arXiv 2512.13660): SigLIP vision tower, spatial encoder, Qwen2 text model, scale decoder.

    The defaults are the nano size that this package trains itself.

    Attributes:
        image_token_id, spatial_token_id: of the place-holders that the two encoders' tokens replace.
        scale_token_id: of ``<SCALE>``, whose hidden state the scale decoder reads.
        stem_widths: channels of the vision tower's `ConvolutionStem`; empty for SigLIP's own patch embedding.
        stem_blocks: the stem's residual blocks at each of these widths; empty for none.
        merge_size: patches per side that are merged to one token of the text model.
        scale_loss_weight: of the squared error of the logarithm of scale beside next-token loss (0.1 in the paper).
    """

    model_type = "robotracer"
    sub_configs_defaults: ClassVar[dict[str, Any]] = {
        "vision_config": SiglipVisionConfig,
        "text_config": Qwen2Config,
        "spatial_config": RoboTracerSpatialConfig,
    }

    # Given as dictionaries or configurations, configurations once the base class has been through them.
    vision_config: Any = None
    text_config: Any = None
    spatial_config: Any = None
    image_token_id: int = 0
    spatial_token_id: int = 1
    scale_token_id: int = 2
    stem_widths: tuple[int, ...] = ()
    stem_blocks: tuple[int, ...] = ()
    merge_size: int = 1
    scale_loss_weight: float = 0.1
    tie_word_embeddings: bool = True
    initializer_range: float = 0.02

    @property
    def num_image_tokens(self) -> int:
        """Tokens of one picture after merging."""
        return int(self.vision_config.image_size // self.vision_config.patch_size // self.merge_size) ** 2

    @property
    def num_spatial_tokens(self) -> int:
        """Tokens of one picture's spatial inputs."""
        return int(self.spatial_config.num_tokens)


def nano_config(
    tokenizer: Any,
    *,
    vision: Mapping[str, Any] | None = None,
    text: Mapping[str, Any] | None = None,
    spatial: Mapping[str, Any] | None = None,
    **settings: Any,
) -> RoboTracerConfig:
    """The nano size for the vocabulary of ``tokenizer`` (see `build_tokenizer`).

    ``vision``, ``text``, ``spatial`` and ``settings`` overrule single fields of the three parts and of the whole.
    """
    vision_size = {
        "hidden_size": 192,
        "intermediate_size": 768,
        "num_hidden_layers": 4,
        "num_attention_heads": 3,
        "image_size": 192,
        "patch_size": 16,
        "vision_use_head": False,
    }
    token_ids = {
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    text_size = {
        "vocab_size": len(tokenizer),
        "hidden_size": 256,
        "intermediate_size": 640,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "tie_word_embeddings": True,
        **token_ids,
    }
    return RoboTracerConfig(
        vision_config={**vision_size, **(vision or {})},
        text_config={**text_size, **(text or {})},
        spatial_config=dict(spatial or {}),
        **{"stem_widths": (24, 64, 128), "stem_blocks": (0, 1, 2), **_token_ids(tokenizer), **token_ids, **settings},
    )


def _token_ids(tokenizer: Any) -> dict[str, int]:
    return {
        "image_token_id": tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        "spatial_token_id": tokenizer.convert_tokens_to_ids("<|spatial_pad|>"),
        "scale_token_id": tokenizer.convert_tokens_to_ids("<SCALE>"),
    }

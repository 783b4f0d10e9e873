"""Checkpoints of real architectures with random weights, a few hundred thousand of them, made without a network."""

from __future__ import annotations

from pathlib import Path

import tokenizers
import torch
import transformers as tf

CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{% for part in message.content %}"
    "{% if part.type == 'image' %}PICTURE{% else %}{{ part.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
QWEN_TOKENS = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>",
               "<|video_pad|>", "<think>", "</think>")  # fmt: skip
QWEN_PICTURE = "<|vision_start|><|image_pad|><|vision_end|>"


def byte_tokenizer(*special: str) -> tf.PreTrainedTokenizerFast:
    """One token per byte, and the special ones."""
    alphabet = {char: index for index, char in enumerate(sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = tf.Qwen2Tokenizer(vocab=alphabet, merges=[], model_max_length=4096, eos_token="<|im_end|>")
    tokenizer.add_special_tokens({"extra_special_tokens": list(special)})
    return tokenizer


def saved(folder: Path, model: tf.PreTrainedModel, processor: tf.ProcessorMixin) -> Path:
    tokenizer = processor.tokenizer
    model.generation_config = tf.GenerationConfig(
        eos_token_id=[tokenizer.convert_tokens_to_ids("<|im_end|>"), tokenizer.convert_tokens_to_ids("<|endoftext|>")],
        pad_token_id=tokenizer.pad_token_id,
        # As Qwen's own: what a greedy backend must overrule.
        do_sample=True,
        temperature=0.1,
        top_k=1,
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def text_settings(tokenizer, **more):
    return {
        "vocab_size": 320, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096,
        "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, **more,
    }  # fmt: skip


def qwen_ids(tokenizer) -> dict[str, int]:
    names = {"image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>",
             "vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>"}  # fmt: skip
    return {name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()}


def qwen_processor(kind, video, tokenizer, patch_size):
    pictures = tf.Qwen2VLImageProcessor(
        patch_size=patch_size, merge_size=2, temporal_patch_size=2,
        size={"shortest_edge": 32 * 32, "longest_edge": 32 * 32 * 16},
    )  # fmt: skip
    template = CHAT.replace("PICTURE", QWEN_PICTURE)
    return kind(image_processor=pictures, tokenizer=tokenizer, video_processor=video(), chat_template=template)


def qwen3_vl(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    tokenizer = byte_tokenizer(*QWEN_TOKENS)
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "patch_size": 16,
              "spatial_merge_size": 2, "temporal_patch_size": 2, "in_channels": 3, "out_hidden_size": 64,
              "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]}  # fmt: skip
    config = tf.Qwen3VLConfig(
        text_config=text_settings(tokenizer, head_dim=16, rope_parameters=rope), vision_config=vision,
        tie_word_embeddings=True, **qwen_ids(tokenizer),
    )  # fmt: skip
    processor = qwen_processor(tf.Qwen3VLProcessor, tf.Qwen3VLVideoProcessor, tokenizer, 16)
    return saved(folder, tf.Qwen3VLForConditionalGeneration(config), processor)


def qwen2_5_vl(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    tokenizer = byte_tokenizer(*QWEN_TOKENS)
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 2, 2]}
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "patch_size": 14,
              "spatial_merge_size": 2, "temporal_patch_size": 2, "in_channels": 3, "out_hidden_size": 64,
              "window_size": 56, "fullatt_block_indexes": [1], "tokens_per_second": 2}  # fmt: skip
    config = tf.Qwen2_5_VLConfig(
        text_config=text_settings(tokenizer, rope_parameters=rope), vision_config=vision, tie_word_embeddings=True,
        **qwen_ids(tokenizer),
    )  # fmt: skip
    processor = qwen_processor(tf.Qwen2_5_VLProcessor, tf.Qwen2VLVideoProcessor, tokenizer, 14)
    return saved(folder, tf.Qwen2_5_VLForConditionalGeneration(config), processor)


def llava(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    tokenizer = byte_tokenizer("<|im_start|>", "<|im_end|>", "<image>")
    vision = tf.CLIPVisionConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                                 image_size=56, patch_size=14, projection_dim=32)  # fmt: skip
    config = tf.LlavaConfig(
        vision_config=vision, text_config=tf.LlamaConfig(**text_settings(tokenizer)),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"), vision_feature_layer=-2,
        vision_feature_select_strategy="default", image_seq_length=16,
    )  # fmt: skip
    pictures = tf.CLIPImageProcessor(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56})
    processor = tf.LlavaProcessor(
        image_processor=pictures, tokenizer=tokenizer, patch_size=14, vision_feature_select_strategy="default",
        num_additional_image_tokens=1, image_token="<image>", chat_template=CHAT.replace("PICTURE", "<image>\n"),
    )  # fmt: skip
    return saved(folder, tf.LlavaForConditionalGeneration(config), processor)


def robotracer(folder: Path, seed: int = 0) -> Path:
    from robotracer_ros import models

    torch.manual_seed(seed)
    corpus = ["<think> Step1: [Referring] [red block]: [(512, 304, 0.734)] </think> <answer> [(5, 4, 0.7)] </answer>"]
    tokenizer = models.build_tokenizer(corpus * 3)
    config = models.nano_config(tokenizer, text_layers=1)
    config.vision_config.num_hidden_layers = config.spatial_config.num_hidden_layers = 1
    processor = models.RoboTracerProcessor(models.RoboTracerImageProcessor(), tokenizer)
    model = models.RoboTracerForConditionalGeneration(config)
    model.generation_config = tf.GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


MAKERS = {"qwen3_vl": qwen3_vl, "qwen2_5_vl": qwen2_5_vl, "llava": llava, "robotracer": robotracer}

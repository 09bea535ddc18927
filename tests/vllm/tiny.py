"""Make a Qwen3-VL of a million random parameters, with a LoRA adapter on language model, vision tower and merger.

Run in the vLLM environment: `python tiny.py FOLDER` writes FOLDER/base and FOLDER/rationale. Its words are nonsense;
what a server does with it, from chat template to structured output, is not.
"""

import json
import random
import sys
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

SPECIAL = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>"),
    *("<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
]
VOCABULARY, HIDDEN, VISION = 1024, 128, 64
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = """{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}
{%- if message.content is string %}{{- message.content }}
{%- else %}{%- for part in message.content %}
{%- if 'image' in part or 'image_url' in part or part.type == 'image' %}
{{- '<|vision_start|><|image_pad|><|vision_end|>' }}
{%- elif 'text' in part %}{{- part.text }}{%- endif %}{%- endfor %}{%- endif %}
{{- '<|im_end|>\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""
LANGUAGE = r"language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)"
TOWER = r"visual\.(blocks\.\d+\.(attn\.(qkv|proj)|mlp\.linear_fc[12])|(deepstack_)?merger(_list\.\d+)?\.linear_fc[12])"


def write(folder: Path, name: str, content: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(content, indent=1))


def sentences(count: int) -> list[str]:
    """Text with the words of rationales, for the tokenizer to merge."""
    draw = random.Random(0)
    regions, metrics = ["Face", "Hair", "Text", "Sky", "Global"], ["Sharpness", "Texture", "Noise", "Overall"]
    verdicts = ["sharper", "softer", "noisier", "cleaner", "more natural", "similar"]
    return [
        f"{draw.choice(regions)} {draw.choice(metrics)}: Image A (Left) is {draw.choice(verdicts)} here, not B.\n"
        for _ in range(count)
    ]


def write_tokenizer(folder: Path) -> dict[str, int]:
    """Byte-level BPE with Qwen2's splitting, special tokens and chat template; returns the special tokens' ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated", invert=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL), show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(sentences(2000), trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 32768,
        "additional_special_tokens": SPECIAL[1:],
        "chat_template": CHAT_TEMPLATE,
    }
    write(folder, "tokenizer_config.json", settings)
    return {token: tokenizer.token_to_id(token) for token in SPECIAL} | {"": tokenizer.get_vocab_size()}


def write_processors(folder: Path) -> None:
    """As in Qwen3-VL-8B-Instruct: patches of 16 pixels, merged two by two, so 32 x 32 pixels a token."""
    shared = {"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2, "processor_class": "Qwen3VLProcessor"}
    shared |= {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    image = {"size": {"longest_edge": 16777216, "shortest_edge": 65536}}
    video = {"size": {"longest_edge": 25165824, "shortest_edge": 4096}}
    write(folder, "preprocessor_config.json", shared | image | {"image_processor_type": "Qwen2VLImageProcessorFast"})
    write(folder, "video_preprocessor_config.json", shared | video | {"video_processor_type": "Qwen3VLVideoProcessor"})


def config(ids: dict[str, int]) -> Qwen3VLConfig:
    text = {
        **{"vocab_size": ids[""], "hidden_size": HIDDEN, "intermediate_size": 256, "num_hidden_layers": 2},
        **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 32768},
        **{"bos_token_id": ids["<|endoftext|>"], "eos_token_id": ids["<|im_end|>"]},
        # The three sections of a rotary embedding over time, height and width add up to half of head_dim.
        "rope_parameters": {
            **{"rope_type": "default", "rope_theta": 5000000},
            **{"mrope_interleaved": True, "mrope_section": [6, 5, 5]},
        },
    }
    vision = {
        **{"depth": 2, "hidden_size": VISION, "intermediate_size": 128, "num_heads": 2, "patch_size": 16},
        **{"spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": HIDDEN},
        **{"num_position_embeddings": 256, "deepstack_visual_indexes": [0, 1]},
    }
    return Qwen3VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=False,
    )


def write_model(folder: Path, ids: dict[str, int]) -> None:
    torch.manual_seed(0)
    model = Qwen3VLForConditionalGeneration(config(ids)).to(torch.bfloat16)
    for parameter in model.parameters():
        if parameter.dim() >= 2:
            # The default .02 gives nearly equal logits at this width.
            torch.nn.init.normal_(parameter, std=0.08)
    model.save_pretrained(folder)
    write(folder, "generation_config.json", {"eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]]})


def write_adapter(base: Path, folder: Path) -> None:
    """Rank 16 on every linear layer but the output's; its B matrices are random, so that it changes every answer."""
    model = Qwen3VLForConditionalGeneration.from_pretrained(base, dtype=torch.bfloat16)
    lora = LoraConfig(r=16, lora_alpha=32, target_modules=rf".*({LANGUAGE}|{TOWER})", task_type="CAUSAL_LM")
    adapted = get_peft_model(model, lora)
    torch.manual_seed(1)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    adapted.save_pretrained(folder)


def main(folder: Path) -> None:
    base = folder / "base"
    base.mkdir(parents=True)
    ids = write_tokenizer(base)
    write_processors(base)
    write_model(base, ids)
    write_adapter(base, folder / "rationale")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

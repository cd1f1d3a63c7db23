"""Hugging Face transformers from small configurations, on real text tokenised here (``text.py``); no downloads."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

from foreign.architecture import Built, architecture, images, tokens_loss
from foreign.text import LENGTH, PAD, VOCABULARY, following, passages

SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": LENGTH + 8,
    "num_labels": 4,
    "pad_token_id": PAD,
}


def _classifier(model: Any) -> Built:
    """Of passages by topic, with their mask: a mapping as input, ``logits`` of a ModelOutput as output."""
    numbers, mask, targets = passages()
    return Built(model, {"input_ids": numbers, "attention_mask": mask}, targets, F.cross_entropy, "logits")


def _language_model(model: Any) -> Built:
    numbers, after = following()
    return Built(model, {"input_ids": numbers}, after, tokens_loss, "logits")


@architecture("transformers", "BERT, sequence classification", experiment=True)
def bert() -> Built:
    from transformers import BertConfig, BertForSequenceClassification

    return _classifier(BertForSequenceClassification(BertConfig(**SMALL)))


@architecture("transformers", "DistilBERT, sequence classification", experiment=True)
def distilbert() -> Built:
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    config = DistilBertConfig(
        vocab_size=VOCABULARY, dim=32, hidden_dim=64, n_layers=2, n_heads=2, num_labels=4, pad_token_id=PAD
    )
    return _classifier(DistilBertForSequenceClassification(config))


@architecture("transformers", "RoBERTa, sequence classification")
def roberta() -> Built:
    from transformers import RobertaConfig, RobertaForSequenceClassification

    return _classifier(RobertaForSequenceClassification(RobertaConfig(**SMALL)))


@architecture("transformers", "ALBERT (one layer used twice)")
def albert() -> Built:
    from transformers import AlbertConfig, AlbertForSequenceClassification

    return _classifier(AlbertForSequenceClassification(AlbertConfig(**SMALL, embedding_size=16)))


@architecture("transformers", "BERT, masked language model (tied embedding)")
def bert_masked() -> Built:
    from transformers import BertConfig, BertForMaskedLM

    numbers, mask, _ = passages()
    hidden = (torch.arange(numbers.numel()).view(numbers.shape) % 5 == 0) & mask.bool()
    targets = torch.where(hidden, numbers, -100)
    inputs = {"input_ids": torch.where(hidden, 1, numbers), "attention_mask": mask}
    return Built(BertForMaskedLM(BertConfig(**SMALL)), inputs, targets, tokens_loss, "logits")


@architecture("transformers", "GPT-2, language model (Conv1D)", experiment=True)
def gpt2() -> Built:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=VOCABULARY, n_positions=LENGTH, n_embd=32, n_layer=2, n_head=2, use_cache=False)
    return _language_model(GPT2LMHeadModel(config))


@architecture("transformers", "Llama, language model (RMSNorm, gated)", experiment=True)
def llama() -> Built:
    from transformers import LlamaConfig, LlamaForCausalLM

    return _language_model(LlamaForCausalLM(LlamaConfig(**SMALL, use_cache=False)))


@architecture("transformers", "T5, encoder and decoder")
def t5() -> Built:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(vocab_size=VOCABULARY, d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, use_cache=False)
    numbers, mask, _ = passages()
    before, after = following()
    inputs = {"input_ids": numbers, "attention_mask": mask, "decoder_input_ids": before}
    return Built(T5ForConditionalGeneration(config), inputs, after, tokens_loss, "logits")


@architecture("transformers", "ViT, image classification")
def vit() -> Built:
    from transformers import ViTConfig, ViTForImageClassification

    inputs, targets = images()
    small = {name: value for name, value in SMALL.items() if name in ("hidden_size", "intermediate_size", "num_labels")}
    config = ViTConfig(**small, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8)
    return Built(ViTForImageClassification(config), {"pixel_values": inputs}, targets, F.cross_entropy, "logits")


@architecture("transformers", "Wav2Vec2 (1-d convolutions, weight_norm)")
def wav2vec2() -> Built:
    from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification

    config = Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(16, 16),
        conv_kernel=(10, 3),
        conv_stride=(5, 2),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        num_labels=4,
        apply_spec_augment=False,
        layerdrop=0.0,
    )
    generator = torch.Generator().manual_seed(0)
    targets = torch.arange(16) % 4
    tones = torch.sin((targets + 1.0)[:, None] * torch.linspace(0, 50, 400)) + 0.3 * torch.randn(
        16, 400, generator=generator
    )
    model = Wav2Vec2ForSequenceClassification(config)
    return Built(model, {"input_values": tones}, targets, F.cross_entropy, "logits")

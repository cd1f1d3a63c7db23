"""timm: image models, the widths and depths of the smallest of their kind, on 32 × 32 images of four classes."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn import functional as F

from foreign.architecture import Built, architecture, images


def _built(module: nn.Module, size: int = 32) -> Built:
    return Built(module, *images(size), F.cross_entropy)


def _model(name: str, **settings: Any) -> Built:
    import timm

    return _built(timm.create_model(name, pretrained=False, num_classes=4, **settings))


@architecture("timm", "ResNet-10", experiment=True)
def resnet() -> Built:
    return _model("resnet10t", channels=(16, 16, 32, 32))


@architecture("timm", "ResNetV2 (BiT, standardised convolutions)")
def bit() -> Built:
    from timm.models.resnetv2 import ResNetV2

    return _built(ResNetV2([1, 1, 1], (128, 128, 128), num_classes=4, stem_chs=32))


@architecture("timm", "NF-ResNet (scaled standardised convolutions)")
def nf_resnet() -> Built:
    from timm.models.nfnet import NfCfg, NormFreeNet

    settings = NfCfg(depths=(1, 1, 1, 1), channels=(32, 32, 64, 64), stem_type="3x3", stem_chs=16)
    return _built(NormFreeNet(settings, num_classes=4))


@architecture("timm", "ConvNeXt (LayerScale)", experiment=True)
def convnext() -> Built:
    return _model("convnext_atto", depths=(1, 1, 1, 1), dims=(16, 24, 32, 48))


@architecture("timm", "MobileNetV3")
def mobilenet() -> Built:
    return _model("mobilenetv3_small_050")


@architecture("timm", "BEiT (biases of its own)")
def beit() -> Built:
    built = _model("beit_base_patch16_224", img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2)
    built.mapping = {"blocks.*.attn.qkv": "bp", "*": "{rule}"}
    built.remark = "these weights are used by a function, not by their layer"
    return built


@architecture("timm", "RegNetX")
def regnet() -> Built:
    return _model("regnetx_002")


@architecture("timm", "DenseNet")
def densenet() -> Built:
    return _model("densenet121", block_config=(2, 2, 2), growth_rate=8)


@architecture("timm", "ViT (class token, position embeddings)", experiment=True)
def vit() -> Built:
    return _model("vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2)


@architecture("timm", "DeiT distilled (two tokens)")
def deit() -> Built:
    return _model("deit_tiny_distilled_patch16_224", img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2)


@architecture("timm", "CaiT (class attention, LayerScale)")
def cait() -> Built:
    return _model("cait_xxs24_224", img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2, init_values=0.1)


@architecture("timm", "Swin (relative position bias)")
def swin() -> Built:
    return _model(
        "swin_tiny_patch4_window7_224",
        img_size=32,
        patch_size=2,
        window_size=4,
        embed_dim=16,
        depths=(2, 2),
        num_heads=(2, 2),
    )


@architecture("timm", "MLP-Mixer")
def mixer() -> Built:
    from timm.models.mlp_mixer import MlpMixer

    return _built(MlpMixer(4, 32, patch_size=8, num_blocks=2, embed_dim=32))


@architecture("timm", "gMLP")
def gmlp() -> Built:
    from timm.layers import GatedMlp
    from timm.models.mlp_mixer import MlpMixer, SpatialGatingBlock

    kinds = {"block_layer": SpatialGatingBlock, "mlp_layer": GatedMlp}
    return _built(MlpMixer(4, 32, patch_size=8, num_blocks=2, embed_dim=32, mlp_ratio=4, **kinds))


@architecture("timm", "PoolFormer v2 (StarReLU, scales)")
def poolformer() -> Built:
    from timm.models.metaformer import MetaFormer

    return _built(MetaFormer(depths=(1, 1, 1, 1), dims=(16, 24, 32, 48), num_classes=4, layer_scale_init_values=1e-1))


@architecture("timm", "XCiT (cross-covariance, a temperature)")
def xcit() -> Built:
    return _model("xcit_nano_12_p16_224", img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2, eta=0.1)

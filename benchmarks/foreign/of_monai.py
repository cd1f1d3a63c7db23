"""monai: segmentation of a bright ball in small noisy scans, two and three dimensions."""

from __future__ import annotations

from torch import nn
from torch.nn import functional as F

from foreign.architecture import Built, architecture, images, scans


def _segmentation(module: nn.Module, size: int = 16, dims: int = 3) -> Built:
    inputs, targets = scans(size, dims=dims)
    return Built(module, inputs, targets, F.cross_entropy)


@architecture("monai", "UNet, 2-d")
def unet() -> Built:
    from monai.networks.nets import UNet

    return _segmentation(UNet(2, 1, 2, channels=(8, 16, 32), strides=(2, 2), num_res_units=1), 32, 2)


@architecture("monai", "UNet, 3-d")
def unet_3d() -> Built:
    from monai.networks.nets import UNet

    return _segmentation(UNet(3, 1, 2, channels=(4, 8, 16), strides=(2, 2)))


@architecture("monai", "Attention U-Net")
def attention_unet() -> Built:
    from monai.networks.nets import AttentionUnet

    return _segmentation(AttentionUnet(2, 1, 2, channels=(8, 16, 32), strides=(2, 2)), 32, 2)


@architecture("monai", "SegResNet")
def segresnet() -> Built:
    from monai.networks.nets import SegResNet

    return _segmentation(SegResNet(3, 8, 1, 2, blocks_down=(1, 1), blocks_up=(1,)))


@architecture("monai", "UNETR")
def unetr() -> Built:
    from monai.networks.nets import UNETR

    built = _segmentation(UNETR(1, 2, 16, feature_size=4, hidden_size=24, mlp_dim=32, num_heads=2))
    built.remark = "`points=` at maps for direct rules: its tokens have no places in the output"
    built.extra["points"] = ["encoder1", "encoder2", "encoder3", "encoder4", "decoder5", "decoder4", "decoder3"]
    return built


@architecture("monai", "DenseNet, 3-d")
def densenet() -> Built:
    from monai.networks.nets import DenseNet

    inputs, targets = images(32, 1, 4, dims=3)
    net = DenseNet(3, 1, 4, init_features=8, growth_rate=4, block_config=(2, 2))
    return Built(net, inputs, targets, F.cross_entropy)

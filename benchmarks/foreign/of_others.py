"""torchvision, snntorch, nflows, and networks of plain torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from foreign.architecture import Built, architecture, images, scans, tokens_loss
from foreign.text import VOCABULARY, following


@architecture("torchvision", "SqueezeNet")
def squeezenet() -> Built:
    from torchvision.models import squeezenet1_1

    return Built(squeezenet1_1(num_classes=4), *images(), F.cross_entropy)


@architecture("torchvision", "ShuffleNetV2", experiment=True)
def shufflenet() -> Built:
    from torchvision.models import ShuffleNetV2

    return Built(ShuffleNetV2([1, 1, 1], [12, 16, 32, 64, 64], num_classes=4), *images(), F.cross_entropy)


@architecture("torchvision", "ViT (MultiheadAttention)")
def vit() -> Built:
    from torchvision.models import VisionTransformer

    return Built(VisionTransformer(32, 8, 2, 2, 32, 64, num_classes=4), *images(), F.cross_entropy)


@architecture("torchvision", "LR-ASPP segmentation (a mapping as output)")
def lraspp() -> Built:
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large

    inputs, targets = scans(32, 3, 4, dims=2)
    net = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=2)
    return Built(net, inputs, targets, F.cross_entropy, "out")


class Spiking(nn.Module):
    """Leaky integrate-and-fire neurons over eight time steps of one input; the last ones' mean potential."""

    def __init__(self, layers: list[nn.Module]) -> None:
        import snntorch

        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.neurons = nn.ModuleList(snntorch.Leaky(0.9, learn_beta=number == 0) for number in range(len(layers)))

    def forward(self, inputs: Tensor) -> Tensor:
        potentials = [neuron.init_leaky() for neuron in self.neurons]
        outputs = []
        for _ in range(8):
            spikes = inputs
            for number, (layer, neuron) in enumerate(zip(self.layers, self.neurons, strict=True)):
                spikes, potentials[number] = neuron(layer(spikes.to(inputs.dtype)), potentials[number])
            outputs.append(potentials[-1])
        return torch.stack(outputs).mean(0)


@architecture("snntorch", "spiking MLP (Leaky, learned decay)", experiment=True)
def spiking() -> Built:
    inputs, targets = images(8, 1)
    return Built(Spiking([nn.Linear(64, 32), nn.Linear(32, 4)]), inputs.flatten(1), targets, F.cross_entropy)


@architecture("snntorch", "spiking CNN (Leaky)")
def spiking_cnn() -> Built:
    first = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.MaxPool2d(2))
    last = nn.Sequential(nn.Flatten(), nn.Linear(128, 4))
    return Built(Spiking([first, last]), *images(8, 1), F.cross_entropy)


class LogDensity(nn.Module):
    """log p(x) of a flow, (N, 1): what a direct rule's e is of."""

    def __init__(self, flow: nn.Module) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, inputs: Tensor) -> Tensor:
        log_density: Tensor = self.flow.log_prob(inputs)
        return log_density.unsqueeze(1)


def _density(flow: nn.Module) -> Built:
    angles = torch.rand(64, generator=torch.Generator().manual_seed(0)) * 3.14
    points = torch.stack((angles.cos(), angles.sin()), 1)
    return Built(LogDensity(flow), points, torch.zeros(64, 1), lambda output, targets: (targets - output).mean())


@architecture("nflows", "masked autoregressive flow (MaskedLinear)")
def maf() -> Built:
    from nflows.flows import MaskedAutoregressiveFlow

    return _density(MaskedAutoregressiveFlow(2, 16, 2, 1, batch_norm_between_layers=True))


@architecture("nflows", "RealNVP (coupling)")
def realnvp() -> Built:
    from nflows.flows import SimpleRealNVP

    return _density(SimpleRealNVP(2, 16, 2, 1))


@architecture("torch", "Transformer encoder", experiment=True)
def encoder() -> Built:
    layer = nn.TransformerEncoderLayer(32, 2, 64, batch_first=True)
    net = nn.Sequential(
        nn.Embedding(VOCABULARY, 32),
        nn.TransformerEncoder(layer, 2, enable_nested_tensor=False),
        nn.Linear(32, VOCABULARY),
    )
    return Built(net, *following(), tokens_loss)


@architecture("torch", "temporal CNN (weight_norm)", experiment=True)
def temporal() -> Built:
    from torch.nn.utils.parametrizations import weight_norm

    inputs, targets = images(8, 1)
    convolutions = [weight_norm(nn.Conv1d(a, 16, 3, padding=d, dilation=d)) for a, d in ((1, 1), (16, 2), (16, 4))]
    layers = [part for one in convolutions for part in (one, nn.ReLU())]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(64, 4))
    return Built(net, inputs.flatten(2), targets, F.cross_entropy)


@architecture("torch", "discriminator (spectral_norm)")
def discriminator() -> Built:
    from torch.nn.utils.parametrizations import spectral_norm

    layers: list[nn.Module] = [spectral_norm(nn.Conv2d(3, 16, 4, 2, 1)), nn.LeakyReLU(0.2)]
    layers += [spectral_norm(nn.Conv2d(16, 16, 4, 2, 1)), nn.LeakyReLU(0.2), nn.Flatten()]
    return Built(nn.Sequential(*layers, spectral_norm(nn.Linear(1024, 4))), *images(), F.cross_entropy)


class Recurrent(nn.Module):
    """A tagger by ``nn.LSTM``, which runs in one fused kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(VOCABULARY, 16), nn.LSTM(16, 32, batch_first=True)
        self.head = nn.Linear(32, VOCABULARY)

    def forward(self, numbers: Tensor) -> Tensor:
        logits: Tensor = self.head(self.lstm(self.embedding(numbers))[0])
        return logits


@architecture("torch", "LSTM (one fused kernel)")
def lstm() -> Built:
    return Built(Recurrent(), *following(), tokens_loss, mapping={"lstm": "bp", "*": "{rule}"})

"""Networks of the kinds people bring, written with plain torch: no line here knows dfa_lab."""

import torch
import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    """Two grouped convolutions with BatchNorm beside a skip connection."""

    def __init__(self, channels, stride=1):
        super().__init__()
        out = channels * stride
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, groups=2, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, groups=4, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU()
        self.shortcut = nn.Identity() if stride == 1 else nn.Conv2d(channels, out, 1, stride, bias=False)

    def forward(self, x):
        inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(inner + self.shortcut(x))


class ResNet(nn.Module):
    """A small ResNet; images (N, channels, side, side)."""

    def __init__(self, channels=1, classes=10, width=8):
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(Residual(width), Residual(width, 2), Residual(2 * width, 2))
        self.head = nn.Linear(4 * width, classes)

    def forward(self, x):
        h = self.blocks(F.relu(self.norm(self.stem(x))))
        return self.head(h.mean((2, 3)))


class Transformer(nn.Module):
    """A 2-layer encoder on sequences (N, T, n_in), read out from the mean over places."""

    def __init__(self, inputs=5, classes=4, width=8):
        super().__init__()
        self.embed = nn.Linear(inputs, width)
        layer = nn.TransformerEncoderLayer(width, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.encoder(self.embed(x)).mean(1))


class Loop(nn.Module):
    """An LSTM cell in a loop over places, read out at the last."""

    def __init__(self, inputs=5, classes=4, width=8, cell=nn.LSTMCell):
        super().__init__()
        self.embed = nn.Linear(inputs, width)
        self.cell = cell(width, width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        state = None
        for place in range(x.shape[1]):
            state = self.cell(torch.tanh(self.embed(x[:, place])), state)
        return self.head(state[0] if isinstance(state, tuple) else state)


class UNet(nn.Module):
    """Down, up by a transposed convolution, and skip connections; a class for every pixel, (N, classes, side, side)."""

    def __init__(self, channels=1, classes=3, width=4):
        super().__init__()
        self.down1 = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(2, width), nn.ReLU())
        self.down2 = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(width, 2 * width, 3, padding="same"), nn.ReLU())
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.merge = nn.Sequential(nn.Conv2d(2 * width, width, 3, padding=1, padding_mode="circular"), nn.Tanh())
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        first = self.down1(x)
        return self.head(self.merge(torch.cat([first, self.up(self.down2(first))], 1)))


class Tied(nn.Module):
    """Three layers, the first and the last with one weight."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.three.weight = self.one.weight

    def forward(self, x):
        return self.three(torch.tanh(self.two(torch.tanh(self.one(x)))))


class LeNet(nn.Sequential):
    """LeCun et al. 1998 with tanh and average pooling; images (N, 1, 28, 28) or flat."""

    def __init__(self, classes=10):
        super().__init__(
            nn.Unflatten(1, (1, 28, 28)),
            nn.Conv2d(1, 6, 5, padding=2),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.Tanh(),
            nn.Linear(120, 84),
            nn.Tanh(),
            nn.Linear(84, classes),
        )


def _images(size, channels=1, side=8):
    return lambda generator: torch.randn(size, channels, side, side, dtype=torch.float64, generator=generator)


def _sequences(size, places=6, inputs=5):
    return lambda generator: torch.randn(size, places, inputs, dtype=torch.float64, generator=generator)


#: name -> (make the network, inputs for a batch size, the shape of the targets for inputs, number of classes)
ZOO = {
    "resnet": (ResNet, _images, lambda x: (len(x),), 10),
    "transformer": (Transformer, _sequences, lambda x: (len(x),), 4),
    "lstm": (Loop, _sequences, lambda x: (len(x),), 4),
    "unet": (UNet, _images, lambda x: (len(x), 8, 8), 3),
}


def make(name, size=12, seed=0):
    """A network in float64 in training mode, inputs and targets."""
    torch.manual_seed(seed)
    build, inputs, shape, classes = ZOO[name]
    net = build().double()
    generator = torch.Generator().manual_seed(seed + 1)
    x = inputs(size)(generator)
    return net, x, torch.randint(0, classes, shape(x), generator=generator)

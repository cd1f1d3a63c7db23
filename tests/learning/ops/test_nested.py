"""Networks whose modules hand on mappings, dataclasses, named tuples and lists, as those of Hugging Face do."""

import dataclasses
from collections import OrderedDict, UserDict, defaultdict, deque, namedtuple
from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import dfa_lab as dfa
import returning
from dfa_lab.learning.ops.nested import mapped, tensors_of


class Output(OrderedDict):
    """Attribute access through __getattr__, which raises KeyError for what is not there."""

    def __getattr__(self, name):
        return self[name]


class Stored(OrderedDict):
    """Each part stored twice, as an item and as an attribute."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, value in self.items():
            object.__setattr__(self, name, value)


@dataclasses.dataclass
class ModelOutput(returning.ModelOutput):
    h: Tensor | None = None
    states: tuple | None = None

    def __reduce__(self):
        return type(self), tuple(getattr(self, field.name) for field in dataclasses.fields(self))


class Hidden(MutableMapping):
    """A mapping whose copy shares what the original holds."""

    def __init__(self, items):
        self._items = dict(items)

    def __getitem__(self, key):
        return self._items[key]

    def __setitem__(self, key, value):
        self._items[key] = value

    def __delitem__(self, key):
        del self._items[key]

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)


@dataclasses.dataclass
class Data:
    h: Tensor
    note: str = "kept"


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    h: Tensor
    note: str = "kept"


Pair = namedtuple("Pair", ["h", "note"])


class Typed(NamedTuple):
    h: Tensor
    note: str = "kept"


class Own(tuple):  # noqa: SLOT001
    """A tuple that is made of its parts one by one, and knows something else."""

    def __new__(cls, *parts):
        self = super().__new__(cls, parts)
        self.note = "kept"
        return self


class Named(list):
    note = "kept"


def followed(items):
    found = defaultdict(list, items)
    found["note"] = "kept"
    return found


#: How a module hands h on, and how the next one finds it.
KINDS = {
    "dict": (lambda h: {"h": h, "note": "kept"}, lambda o: o["h"]),
    "OrderedDict": (lambda h: OrderedDict(h=h, note="kept"), lambda o: o["h"]),
    "defaultdict": (lambda h: followed({"h": h}), lambda o: o["h"]),
    "UserDict": (lambda h: UserDict(h=h), lambda o: o["h"]),
    "proxy": (lambda h: MappingProxyType({"h": h}), lambda o: o["h"]),
    "a mapping of one's own": (lambda h: Hidden({"h": h}), lambda o: o["h"]),
    "attribute access": (lambda h: Output(h=h, note="kept"), lambda o: o.h),
    "stored twice": (lambda h: Stored(h=h, note="kept"), lambda o: o.h),
    "ModelOutput": (lambda h: ModelOutput(h=h, states=(h, None)), lambda o: o.h),
    "dataclass": (Data, lambda o: o.h),
    "frozen dataclass": (Frozen, lambda o: o.h),
    "namedtuple": (lambda h: Pair(h, "kept"), lambda o: o.h),
    "NamedTuple": (Typed, lambda o: o.h),
    "a tuple of one's own": (lambda h: Own(h, 1), lambda o: o[0]),
    "tuple": (lambda h: (h, None), lambda o: o[0]),
    "list": (lambda h: [None, h], lambda o: o[1]),
    "a list of one's own": (lambda h: Named([h]), lambda o: o[0]),
    "deque": (lambda h: deque([h], maxlen=3), lambda o: o[0]),
    "return type": (lambda h: torch.return_types.max((h, h.detach().argmax(-1))), lambda o: o.values),
    "nested": (lambda h: Output(all=[Data(Typed({"h": h}))]), lambda o: o.all[0].h.h["h"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_container_keeps_its_type_and_the_original_its_tensors(kind):
    pack, unpack = KINDS[kind]
    h = torch.randn(2, 3)
    value = pack(h)
    found = mapped(value, lambda one: one + 1 if one.is_floating_point() else one)
    assert type(found) is type(value)
    assert found is not value
    assert torch.equal(unpack(found), h + 1)
    assert unpack(value) is h
    assert all(torch.equal(one, h) for one in tensors_of(value))
    assert all(torch.equal(one, h + 1) for one in tensors_of(found))
    if isinstance(value, Mapping):
        assert list(found) == list(value)
    elif hasattr(value, "note"):
        assert found.note == "kept"
    assert mapped(value, lambda one: one) is value


def test_what_a_container_has_beside_its_tensors_stays():
    h = torch.zeros(1)
    assert mapped(deque([h], maxlen=3), torch.exp).maxlen == 3
    assert mapped(followed({"h": h}), torch.exp).default_factory is list
    found = mapped(ModelOutput(h=h, states=(h, None)), torch.exp)
    assert found["h"] is found.h
    assert found["states"] is found.states
    assert found.states == (torch.ones(1), None)
    packed = pack_sequence([torch.ones(3, 2), torch.ones(1, 2)])
    found = mapped(packed, lambda one: one * 2 if one.is_floating_point() else one)
    assert isinstance(found, PackedSequence)
    assert found.data.unique().tolist() == [2]
    assert found.batch_sizes is packed.batch_sizes


def test_what_is_no_container_or_holds_itself_is_left_alone():
    h = torch.ones(1)
    module = nn.ParameterDict({"h": nn.Parameter(h)})
    for value in (None, "text", 3, module, object(), Data, torch.Size([2]), range(3)):
        assert mapped(value, torch.exp) is value
        assert tensors_of(value) == []
    ring = [h]
    ring.append(ring)
    assert tensors_of(ring) == [h]
    found = mapped(ring, torch.exp)
    assert found[0] == torch.exp(h)
    assert found[1] is ring
    assert tensors_of([h, h.long(), {"a": (h, "b")}]) == [h, h]


def test_a_container_that_cannot_be_made_again_is_an_error_in_words():
    class Sealed(Mapping):
        def __init__(self, h, secret):
            self.h = h

        def __getitem__(self, key):
            return self.h

        def __iter__(self):
            return iter(["h"])

        def __len__(self):
            return 1

    with pytest.raises(dfa.DfaLabError, match=r"a Sealed with tensors .* cannot be made again .* Hand on a tuple"):
        mapped(Sealed(torch.ones(1), 0), torch.exp)


class First(nn.Module):
    def __init__(self, pack):
        super().__init__()
        self.linear, self.act, self.pack = nn.Linear(6, 8), nn.Tanh(), pack

    def forward(self, x):
        return self.pack(self.act(self.linear(x)))


class Middle(nn.Module):
    """Takes and gives containers, by place or by name, and has a layer norm beside its layer."""

    def __init__(self, pack, unpack):
        super().__init__()
        self.linear, self.norm, self.act, self.pack, self.unpack = (
            nn.Linear(8, 8),
            nn.LayerNorm(8),
            nn.Tanh(),
            pack,
            unpack,
        )

    def forward(self, value):
        return self.pack(self.act(self.norm(self.linear(self.unpack(value)))))


class Network(nn.Module):
    def __init__(self, pack, unpack):
        super().__init__()
        self.first, self.middle, self.last = First(pack), Middle(pack, unpack), Middle(pack, unpack)
        self.head, self.unpack = nn.Linear(8, 4), unpack

    def forward(self, x):
        return self.head(self.unpack(self.last(value=self.middle(self.first(x)))))


class Scaled(nn.Module):
    """A parameter of one's own behind a container: a module that autograd differentiates, in the audit's eyes."""

    def __init__(self, pack, unpack):
        super().__init__()
        self.first, self.scale = First(pack), Gain(pack, unpack)
        self.head, self.unpack = nn.Linear(8, 4), unpack

    def forward(self, x):
        return self.head(self.unpack(self.scale(self.first(x))))


class Gain(nn.Module):
    def __init__(self, pack, unpack):
        super().__init__()
        self.gain, self.pack, self.unpack = nn.Parameter(torch.full((8,), 1.5)), pack, unpack

    def forward(self, value):
        return self.pack(self.gain * self.unpack(value))


PLAIN = (lambda h: h, lambda h: h)
POINTS = {Network: ["first", "middle", "last"], Scaled: ["first", "scale"]}


def made(network, kind, rule):
    torch.manual_seed(0)
    module = network(*(PLAIN if kind is None else KINDS[kind])).double()
    return dfa.convert(module, rule, points=POINTS[network])


def batch():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(9, 6, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, 4, (9,), generator=generator)


def assert_measured_alike(network, kind, rule):
    x, t = batch()
    found, wanted = (made(network, one, rule) for one in (kind, None))
    rows, others = (dfa.audit(net, x, t, F.cross_entropy) for net in (found, wanted))
    assert list(rows) == list(others)
    assert all(row.clean for row in rows)
    tables = [dfa.measure_alignment(net, x, t, F.cross_entropy, draws=3).to_frame() for net in (found, wanted)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    for net in (found, wanted):
        with dfa.lesson(net, t):
            F.cross_entropy(net(x), t).backward()
    for one, two in zip(found.parameters(), wanted.parameters(), strict=True):
        assert (one.grad is None) == (two.grad is None)
        assert one.grad is None or torch.equal(one.grad, two.grad)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_measurements_are_those_of_the_network_that_hands_on_tensors(kind, rule):
    assert_measured_alike(Network, kind, rule)


@pytest.mark.parametrize("rule", dfa.RULES)
def test_by_every_rule(rule):
    assert_measured_alike(Network, "attribute access", rule)


@pytest.mark.parametrize("kind", ["attribute access", "ModelOutput", "frozen dataclass", "nested"])
@pytest.mark.parametrize("rule", ["bp", "dfa"])
def test_a_parameter_of_ones_own_behind_a_container_is_audited(kind, rule):
    assert_measured_alike(Scaled, kind, rule)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["fa", "dfa", "drtp"])
@pytest.mark.parametrize("kind", ["attribute access", "frozen dataclass"])
def test_an_experiment_trains_and_measures_alike(rule, kind):
    x, t = batch()
    task = dfa.Task("nine", "nine rows", x.float(), t, x.float(), t, outputs=4)

    def trained(kind):
        torch.manual_seed(0)
        module = Network(*(PLAIN if kind is None else KINDS[kind]))
        run = dfa.Experiment(task=task, module=module, rule=rule, batch_size=4, lr=0.1)
        run.train(12)
        return run

    found, wanted = trained(kind), trained(None)
    assert found.history.digest() == wanted.history.digest()
    assert found.history.layers("gradient_alignment") == [1, 2, 3, 4]
    assert len(found.snapshot().layers) == 4


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_inputs_in_a_mapping_made_in_inference_mode_keep_its_type(rule):
    class Reader(Network):
        def forward(self, x):
            return super().forward(x.input)

    x, t = batch()
    net = dfa.convert(Reader(*KINDS["attribute access"]).double(), rule, points=POINTS[Network])
    with torch.inference_mode():
        inputs = Output(input=x.clone())
    assert len(dfa.measure_alignment(net, inputs, t, F.cross_entropy, draws=0)) == 4
    assert len(dfa.audit(net, Output(input=x), t, F.cross_entropy)) > 4


def test_a_point_hears_in_its_first_floating_tensor():
    """In a mapping it may stand behind masks and what is None."""

    class Behind(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = First(lambda h: Output(nothing=None, mask=h > 0, h=h, copy=h * 2))
            self.head = nn.Linear(8, 4)

        def forward(self, x):
            return self.head(self.first(x).h)

    x, t = batch()
    net = dfa.convert(Behind().double(), "dfa", points=["first"])
    F.cross_entropy(net(x), t).backward()
    assert net.first.linear.weight.grad.norm() > 0
    assert net.first.direct_output.shape == (4, 8)
    assert all(row.clean for row in dfa.audit(net, x, t, F.cross_entropy))


def test_a_point_without_a_floating_tensor_is_an_error():
    class Empty(Network):
        def forward(self, x):
            self.middle(self.first(x))
            return self.head(x[:, :1].expand(-1, 8))

    net = dfa.convert(Empty(lambda h: Output(note="none"), lambda o: torch.zeros(9, 8)), "dfa", points=["first"])
    with pytest.raises(
        dfa.DfaLabError, match=r"'first' gave a Output without a floating tensor; .*choose other points"
    ):
        net(torch.randn(9, 6))


def test_a_direct_rule_needs_an_output_that_is_a_tensor():
    class Whole(Network):
        def forward(self, x):
            return Output(logits=super().forward(x))

    x, t = batch()
    net = dfa.convert(Whole(*KINDS["attribute access"]).double(), "dfa", points=POINTS[Network])
    for call in (dfa.audit, dfa.measure_alignment):
        with pytest.raises(dfa.DfaLabError, match=r"gave a Output; say where the output is, .*output='logits'"):
            call(net, x, t, lambda output, t: F.cross_entropy(output.logits, t))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dict", "ModelOutput", "namedtuple", "dataclass"])
def test_a_compiled_network_gives_the_eager_gradients(kind):
    torch._dynamo.reset()
    x, t = batch()
    net = made(Network, kind, "dfa")
    F.cross_entropy(net(x), t).backward()
    wanted = [one.grad.clone() for one in net.parameters()]
    net.zero_grad()
    F.cross_entropy(torch.compile(net, backend="aot_eager")(x), t).backward()
    for one, two in zip(net.parameters(), wanted, strict=True):
        torch.testing.assert_close(one.grad, two, rtol=1e-9, atol=1e-12)

"""What must be equal whatever the network: depth, widths, batch and seed are drawn."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dfa_lab as dfa
from networks import gradients_of, make_batch, make_net, put_feedback

depths = st.lists(st.integers(1, 12), min_size=1, max_size=4)
widths = st.builds(lambda first, hidden, last: [first, *hidden, last], st.integers(1, 9), depths, st.integers(2, 6))
sizes = st.integers(1, 17)
seeds = st.integers(0, 2**31 - 10)
properties = settings(deadline=None, max_examples=60)


def gradients(net, batch):
    net.zero_grad()
    torch.nn.functional.cross_entropy(net(batch[0]), batch[1]).backward()
    return [tensor for pair in gradients_of(net) for tensor in pair]


def assert_same(left, right):
    for one, two in zip(left, right, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


def downstream(net, layer):
    """W_L … W_{l+1} for hidden layer ``layer`` (from 1), (n_out, n_l)."""
    product = torch.eye(net.widths[-1], dtype=torch.float64)
    for weight in reversed([weight.detach() for weight in net.weights][layer:]):
        product = product @ weight
    return product


@properties
@given(widths, sizes, seeds)
def test_fa_with_b_equal_to_w_is_bp(shape, size, seed):
    batch = make_batch(size, shape[0], shape[-1], seed)
    fa, bp = make_net(shape, rule="fa", seed=seed), make_net(shape, rule="bp", seed=seed)
    put_feedback(fa, [weight.detach() for weight in fa.weights][1:])
    assert_same(gradients(fa, batch), gradients(bp, batch))


@properties
@given(widths, sizes, seeds)
def test_bp_is_autograd_through_plain_torch(shape, size, seed):
    batch = make_batch(size, shape[0], shape[-1], seed)
    net = make_net(shape, rule="bp", seed=seed)
    modules = []
    for weight, bias in zip(net.weights, net.biases, strict=True):
        linear = torch.nn.Linear(*reversed(weight.shape), dtype=torch.float64)
        linear.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
        modules += [linear, torch.nn.Tanh()]
    plain = torch.nn.Sequential(*modules[:-1])
    torch.nn.functional.cross_entropy(plain(batch[0]), batch[1]).backward()
    assert_same(gradients(net, batch), [parameter.grad for parameter in plain.parameters()])


@properties
@given(st.integers(1, 9), st.integers(1, 12), st.integers(2, 6), sizes, seeds)
def test_fa_is_dfa_with_one_hidden_layer(inputs, hidden, outputs, size, seed):
    shape, batch = [inputs, hidden, outputs], make_batch(size, inputs, outputs, seed)
    fa, direct = make_net(shape, rule="fa", seed=seed), make_net(shape, rule="dfa", seed=seed)
    put_feedback(direct, fa.feedback_matrices())
    assert_same(gradients(fa, batch), gradients(direct, batch))


@properties
@given(widths, sizes, seeds)
def test_linear_dfa_through_the_downstream_product_is_bp(shape, size, seed):
    batch = make_batch(size, shape[0], shape[-1], seed)
    choices = {"activation": "identity", "weight_init": "orthogonal", "seed": seed}
    direct, bp = make_net(shape, rule="dfa", **choices), make_net(shape, rule="bp", **choices)
    put_feedback(direct, [downstream(direct, layer) for layer in range(1, len(shape) - 1)])
    assert_same(gradients(direct, batch), gradients(bp, batch))


@properties
@given(widths, sizes, seeds)
def test_linear_fa_is_dfa_through_composed_feedback(shape, size, seed):
    batch = make_batch(size, shape[0], shape[-1], seed)
    choices = {"activation": "identity", "seed": seed, "feedback_seed": seed}
    fa, direct = make_net(shape, rule="fa", **choices), make_net(shape, rule="dfa", **choices)
    composed, product = [], torch.eye(shape[-1], dtype=torch.float64)
    for matrix in reversed(fa.feedback_matrices()):
        product = product @ matrix
        composed.insert(0, product)
    put_feedback(direct, composed)
    assert_same(gradients(fa, batch), gradients(direct, batch))


@properties
@given(widths, sizes, seeds, st.sampled_from(list(dfa.RULES)))
def test_the_rule_changes_no_output(shape, size, seed, rule):
    batch = make_batch(size, shape[0], shape[-1], seed)
    one, two = make_net(shape, rule=rule, seed=seed), make_net(shape, rule="bp", seed=seed)
    with dfa.lesson(one, batch[1]):
        assert torch.equal(one(batch[0]), two(batch[0]))


@properties
@given(sizes, sizes, st.integers(1, 30), seeds)
def test_batches_walk_through_permutations(first, second, total, seed):
    from dfa_lab.experiment.training.batches import IndexStreams
    from dfa_lab.learning.ops.seeding import generator

    stream = IndexStreams(total, [generator(seed, "batches")])
    mixed = torch.cat([stream.take(first), stream.take(second), stream.take(3 * total)], 1)[0]
    one_by_one = IndexStreams(total, [generator(seed, "batches")])
    assert mixed.tolist() == [int(one_by_one.take(1)) for _ in range(len(mixed))]
    for start in range(0, len(mixed) - total + 1, total):
        assert sorted(mixed[start : start + total].tolist()) == list(range(total))

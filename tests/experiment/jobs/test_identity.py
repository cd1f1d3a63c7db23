"""A sweep's folder never gives the results of other code: identities over modules that are edited and imported anew."""

from __future__ import annotations

import datetime as dt
import importlib
import os
import subprocess
import sys
import textwrap

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.jobs import identity
from dfa_lab.learning.alignment import Convention, column
from places import PACKAGE

#: A module with a metric v, and what @@ stands for before and after it was edited.
EDITED = {
    "a dtype": ("import torch\nD = torch.@@\ndef v(run): return torch.finfo(D).bits", "float32", "float64"),
    "a cached property": (
        """
        import functools
        class A:
            @functools.cached_property
            def k(self): return @@
            def __call__(self, run): return self.k
        v = A()
        """,
        *"12",
    ),
    "a decorator that is a descriptor": (
        """
        class D:
            def __init__(self, f, by): self.f, self.by = f, by
            def __get__(self, one, kind): return self
            def __call__(self, run): return self.f(run) * self.by
        v = D(len, @@)
        """,
        *"12",
    ),
    "a mapping's nesting": ("C = @@\ndef v(run): return len(C)", "{'a': {'b': 1}, 'c': 2}", "{'a': {'b': 1, 'c': 2}}"),
    "an object's nesting": (
        """
        class A:
            def __init__(self, **k): vars(self).update(k)
        C = @@
        def v(run): return C.c
        """,
        "A(a=A(b=1), c=2)",
        "A(a=A(b=1, c=2))",
    ),
    "a function in a package's object": (
        """
        from types import SimpleNamespace as N
        def f(run): return @@
        C = N(f=f)
        def v(run): return C.f(run)
        """,
        *"12",
    ),
    "a package's name by wraps": (
        """
        import functools, torch.nn.functional as F
        K = @@
        @functools.wraps(F.relu)
        def v(run): return K
        """,
        *"12",
    ),
    "a subclass of a package's class": (
        "import random\nclass S(random.Random): pass\nX = S(@@)\ndef v(run): return X.random()",
        *"12",
    ),
    "a subclass of a date": (
        "import datetime\nclass S(datetime.date): pass\nX = S(2000, 1, @@)\ndef v(run): return X",
        *"12",
    ),
    "a subclass of partial": (
        "import functools\nclass S(functools.partial): pass\nv = S(max, @@)",
        *"12",
    ),
    "an error's words": ("class S(Exception): pass\nX = S('@@')\ndef v(run): return X", *"12"),
    "a private slot": (
        (
            "class A:\n    __slots__ = ('__by',)\n    def __init__(self, by): self.__by = by\nX = A(@@)\n"
            "def v(run): return X"
        ),
        *"12",
    ),
    "stars": ("def h(@@): return r\ndef v(run): return h('ab')", "r", "*r"),
    "a long chain": (
        "K = @@\n" + "\n".join(f"def f{n}(): return f{n + 1}()" for n in range(300)) + "\ndef f300(): return K\nv = f0",
        *"12",
    ),
    "a long list": ("X = []\nfor _ in range(900): X = [X]\nX.append(@@)\ndef v(run): return X", *"12"),
    "a quantized tensor": (
        "import torch\nX = torch.tensor([@@.0]).to(torch.float8_e4m3fn)\ndef v(run): return X",
        *"12",
    ),
    "a tensor's attribute": ("import torch\nX = torch.ones(1)\nX.by = @@\ndef v(run): return X.by", *"12"),
    "a module given on": (
        "import sys\nh = sys.modules[__name__]\ndef f(h): return h.k\nk = @@\ndef v(run): return f(h)",
        *"12",
    ),
    "a class in a package's list": (
        "import collections\nclass A:\n    k = @@\nX = collections.deque([A])\ndef v(run): return X[0].k",
        *"12",
    ),
    "a member": ("import enum\nclass E(enum.Enum):\n    A = @@\ndef v(run): return E.A.value", *"12"),
    "a factory": ("import collections\nX = collections.defaultdict(lambda: @@)\ndef v(run): return X[0]", *"12"),
    "a field's factory": (
        """
        from dataclasses import dataclass, field
        @dataclass
        class A:
            x: int = field(default_factory=lambda: @@)
        def v(run): return A().x
        """,
        *"12",
    ),
    "a large number": ("X = 10**5000 + @@\ndef v(run): return X % 10", *"12"),
    "a number among many": ("X = [0.5] * 200_000 + [@@]\ndef v(run): return X", *"12"),
    "what a deque holds beside a lock": (
        "import collections, threading\nX = collections.deque([threading.Lock(), @@])\ndef v(run): return X",
        *"12",
    ),
    "an array's mask": (
        "import numpy as np\nX = np.ma.array(np.ones(200_000), mask=[@@] * 200_000)\ndef v(run): return X",
        *"01",
    ),
    "a mapping's order": (
        "K = {@@}\ndef v(run): return next(iter(K.values()))",
        "'a': 1, 'b': 2",
        "'b': 2, 'a': 1",
    ),
    "an ordered mapping's order": (
        "from collections import OrderedDict\nK = OrderedDict(@@)\ndef v(run): return K",
        "[('a', 1), ('b', 2)]",
        "[('b', 2), ('a', 1)]",
    ),
    "the order of named layers": (
        """
        from collections import OrderedDict
        import torch
        layers = {"p": torch.nn.Softplus(), "r": torch.nn.ReLU()}
        N = torch.nn.Sequential(OrderedDict((key, layers[key]) for key in @@))
        def v(run): return N
        """,
        "'pr'",
        "'rp'",
    ),
    "the order of named arguments": (
        """
        import functools
        def g(run, **k): return [*k.values()][0]
        v = functools.partial(g, @@)
        """,
        "a=1, b=2",
        "b=2, a=1",
    ),
    "the order of members": (
        "import enum\nclass E(enum.Enum):\n    @@\ndef v(run): return list(E)[0].value",
        "A = 1; B = 2",
        "B = 2; A = 1",
    ),
    "an enum's constant": (
        """
        import enum
        class E(enum.Enum):
            A = 1
            __k = @@
            def f(self): return self.__k
        def v(run): return E.A.f()
        """,
        *"12",
    ),
    "an enum's class": (
        """
        import enum
        class E(enum.Enum):
            A = 1
            @enum.nonmember
            class D:
                k = @@
        def v(run): return E.D.k
        """,
        *"12",
    ),
    "a member's attribute": (
        "import enum\nclass E(enum.Enum):\n    A = 1\nE.A.k = @@\ndef v(run): return E.A.k",
        *"12",
    ),
    "a field's metadata": (
        """
        from dataclasses import dataclass, field, fields
        @dataclass
        class A:
            x: int = field(default=0, metadata={"k": @@})
        def v(run): return fields(A)[0].metadata["k"]
        """,
        *"12",
    ),
    "a decorator around what was compiled": (
        """
        import functools, torch
        def d(f):
            @functools.wraps(f)
            def w(run): return f(run) * @@
            return w
        @d
        @torch.compile(backend="eager")
        def v(run): return 1
        """,
        *"12",
    ),
    "a package's decorator around what was compiled": (
        "import torch\nv = torch.@@()(torch.compile(lambda run: 1, backend='eager'))",
        "no_grad",
        "enable_grad",
    ),
    "a pydantic validator": (
        """
        from typing import Annotated
        import pydantic
        def f(x): return x * @@
        class M(pydantic.BaseModel):
            x: Annotated[float, pydantic.AfterValidator(f)] = 1.0
        def v(run): return M(x=3.7).x
        """,
        *"23",
    ),
    "a constraint of a pydantic dataclass": (
        """
        from typing import Annotated
        import pydantic
        @pydantic.dataclasses.dataclass
        class M:
            x: Annotated[int, pydantic.Field(ge=@@)] = 5
        def v(run): return M(x=1).x
        """,
        *"12",
    ),
    "a method called as pydantic calls its fields": (
        "class A:\n    def model_fields(self): return @@\nX = A()\ndef v(run): return X.model_fields()",
        *"12",
    ),
    "an attribute called as pydantic calls its fields": (
        "class A:\n    model_fields = {'a': @@}\nX = A()\ndef v(run): return X.model_fields['a']",
        *"12",
    ),
    "the same of a class of pydantic's": (
        """
        import pydantic
        @pydantic.dataclasses.dataclass
        class A:
            k: int = 1
            def model_fields(self): return @@
        def v(run): return A().model_fields()
        """,
        *"12",
    ),
    "a hook on what was compiled": (
        """
        import torch
        N = torch.compile(torch.nn.Flatten(0), backend="eager")
        N.register_forward_hook(lambda module, given, made: made * @@)
        def v(run): return N(torch.ones(2))
        """,
        *"12",
    ),
    "an attribute of what was compiled": (
        "import torch\n@torch.compile(backend='eager')\ndef f(x): return x\nf.k = @@\ndef v(run): return f.k",
        *"12",
    ),
    "what an enum gives for a missing value": (
        """
        import enum
        class E(enum.Enum):
            A = 1
            B = 2
            @classmethod
            def _missing_(cls, x): return cls.@@
        def v(run): return E(9).value
        """,
        *"AB",
    ),
    "an enum's boundary": (
        "import enum\nclass E(enum.Flag, boundary=enum.@@):\n    A = 1\ndef v(run): return E(9)",
        "KEEP",
        "CONFORM",
    ),
    "the order of a mapping in a namespace": (
        "from types import SimpleNamespace as N\nK = N(k={@@})\ndef v(run): return next(iter(K.k.values()))",
        "'a': 1, 'b': 2",
        "'b': 2, 'a': 1",
    ),
    "what was compiled": (
        "import torch\n@torch.compile(backend='eager')\ndef f(x): return x + @@\ndef v(run): return f(1)",
        *"12",
    ),
}
#: Modules whose metric is the same in every process, and before and after it was used.
UNCHANGED = {
    "a tensor in a package's object": (
        "import torch\nfrom types import SimpleNamespace as N\nC = N(w=torch.ones(2))\ndef v(run): return C.w"
    ),
    "a function that draws": "from random import choice\ndef v(run): return choice([1, 2])",
    "one of NumPy's": "from numpy.random import randn\ndef v(run): return randn(1)",
    "one of SciPy's": "from scipy.stats import norm\ndef v(run): return norm.cdf(0)",
    "a pydantic model": (
        "import pydantic\nclass M(pydantic.BaseModel):\n    k: int = 1\nX = M()\ndef v(run): return X.k"
    ),
    "a copied object": ("import copy\nclass A:\n    k = 2\nX = A()\ndef v(run): return copy.deepcopy(X).k"),
    "one among its own keys": "REG = {}\ndef v(run): return REG[v]\nREG[v] = 1",
    "sets in sets": "X = frozenset()\nfor _ in range(40): X = frozenset([X])\ndef v(run): return X",
    "equal objects in a set": "class A: pass\na = A()\nS = {a, A(), A()}\ndef v(run): return S, a",
    "texts in a set": "S = {'a', 'b', ('c', 'd')}\ndef v(run): return len(S)",
    "a table": "import pandas as pd\nT = pd.DataFrame({'a': [1.0, 2.0], 'b': ['x', 'y']})\ndef v(run): return len(T)",
    "an estimator": (
        "from sklearn.linear_model import LogisticRegression\n"
        "C = LogisticRegression().fit([[0.0], [1.0]], [0, 1])\ndef v(run): return C.coef_"
    ),
    "a protocol": (
        "from typing import Protocol\nclass P(Protocol):\n    def f(self): ...\nclass A(P):\n"
        "    def f(self): return 1\n"
        "def v(run): return A().f()"
    ),
    "combined flags": "import enum\nclass F(enum.Flag):\n    A = 1\n    B = 2\ndef v(run): return F.A | F.B",
    "one function for several kinds": (
        "import functools\n@functools.singledispatch\ndef f(x): return 1\n@f.register\ndef _(x: int): return 2\n"
        "def v(run): return f(1)"
    ),
    "a compiled function": (
        "import torch\n@torch.compile(backend='eager')\ndef f(x): return x\ndef v(run): return f(run)"
    ),
    "attributes by numbers": (
        "class A(dict):\n    def __init__(self, **k): super().__init__(k); self.__dict__ = self\n"
        "X = A(a=1)\nX[0] = 2\ndef v(run): return X.a"
    ),
    "a pydantic model of another": (
        """
        from __future__ import annotations
        import pydantic
        class A(pydantic.BaseModel):
            b: B | None = pydantic.Field(None, strict=True)
        class B(pydantic.BaseModel):
            k: int = 1
        def v(run): return A(b=B()).b.k
        """
    ),
    "a compiled module": (
        "import torch\nN = torch.compile(torch.nn.Flatten(0), backend='eager')\ndef v(run): return N(torch.ones(2))"
    ),
    "attributes set in another order": (
        "import os\nclass A: pass\nX = A()\n"
        "for name in ('ab', 'ba')[os.getpid() % 2]: setattr(X, name, name)\ndef v(run): return X.a"
    ),
    "the environment": "from os import environ\ndef v(run): return len(environ)",
    "a hook": (
        "import torch\nN = torch.nn.Linear(2, 2)\ntorch.nn.init.ones_(N.weight), torch.nn.init.ones_(N.bias)\n"
        "def h(*_): return None\nN.register_forward_hook(h)\ndef v(run): return N"
    ),
}


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Gives the metric of a module whose file was written as told."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(text, name="edited_module"):
        file = tmp_path / f"{name}.py"
        file.write_text(textwrap.dedent(text))
        for known in [one for one in sys.modules if one.partition(".")[0] == name]:
            del sys.modules[known]
        importlib.invalidate_caches()
        return importlib.import_module(name).v

    yield write
    for known in [one for one in sys.modules if one.startswith("edited_module")]:
        del sys.modules[known]


@pytest.mark.parametrize("what", EDITED)
@pytest.mark.filterwarnings("ignore")
def test_what_was_edited_is_another(edited, what):
    text, one, two = EDITED[what]
    before, again = (identity(edited(text.replace("@@", one))) for _ in range(2))
    assert before == again
    assert identity(edited(text.replace("@@", two))) != before


@pytest.mark.parametrize("what", UNCHANGED)
def test_what_was_used_is_the_same(edited, what):
    metric = edited(UNCHANGED[what])
    before = identity(metric)
    metric(None)
    assert identity(metric) == before


@pytest.mark.slow
def test_what_was_not_edited_is_the_same_in_other_processes(tmp_path):
    for number, text in enumerate(UNCHANGED.values()):
        (tmp_path / f"unchanged_{number}.py").write_text(textwrap.dedent(text))
    program = (
        "import importlib; from dfa_lab.experiment.jobs import identity\n"
        f"for number in range({len(UNCHANGED)}): print(identity(importlib.import_module(f'unchanged_{{number}}').v))"
    )
    found = []
    for seed in ("3", "8"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), "."])}
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
            check=True,
        )
        found.append(dict(zip(UNCHANGED, done.stdout.split(), strict=True)))
    assert found[0] == found[1]


def test_a_module_of_a_package_that_is_imported_when_it_is_called_counts(edited, tmp_path):
    folder = tmp_path / "edited_module"
    folder.mkdir()
    (folder / "__init__.py").write_text("def v(run):\n    from edited_module import part\n    return part.f(run)")
    found = []
    for number in (1, 2):
        (folder / "part.py").write_text(f"def f(run): return {number}")
        for known in [one for one in sys.modules if one.startswith("edited_module")]:
            del sys.modules[known]
        importlib.invalidate_caches()
        metric = importlib.import_module("edited_module").v
        found += [identity(metric), metric(None), identity(metric)]
    assert found[1::3] == [1, 2]
    assert found[0] == found[2] != found[3] == found[5]


#: Metrics that read a function g of a module by another one, which does not change itself.
THROUGH = {
    "beside getattr": "import edited_module_a as a\ndef v(run): return a.f(run) * getattr(run, 'x', 1)",
    "by another name": "import edited_module_a as a\ndef v(run):\n    h = a\n    return h.f(run)",
    "as an attribute": "import edited_module_a as a\nclass A: h = a\ndef v(run): return A.h.f(run)",
    "given on": "def go(h, run): return h.f(run)\ndef v(run):\n    import edited_module_a as a\n    return go(a, run)",
    "of a lazy package": "import edited_module_lazy as lazy\ndef v(run): return lazy.f(run)",
}


@pytest.mark.parametrize("how", THROUGH)
def test_what_a_module_reads_of_another_counts(edited, tmp_path, how):
    (tmp_path / "edited_module_a.py").write_text("from edited_module_b import g\ndef f(run): return g(run)")
    lazy = "import edited_module_a\ndef __getattr__(name): return getattr(edited_module_a, name)"
    (tmp_path / "edited_module_lazy.py").write_text(lazy)
    found = []
    for number in (1, 1, 2):
        (tmp_path / "edited_module_b.py").write_text(f"def g(run): return {number}")
        for known in [one for one in sys.modules if one.startswith("edited_module")]:
            del sys.modules[known]
        metric = edited(THROUGH[how])
        found += [identity(metric), metric(None)]
    assert found[1::2] == [1, 1, 2]
    assert found[0] == found[2] != found[4]


def test_what_ends_the_program_when_it_is_imported_counts_by_its_name(edited, tmp_path):
    (tmp_path / "edited_module_of_an_app.py").write_text("raise SystemExit('usage: app')")
    assert identity(edited("def v(run):\n    import edited_module_of_an_app as app\n    return app.run()"))


def test_a_function_of_many_names_that_imports_is_read(edited):
    names = "\n".join(f"    run.name_{number}" for number in range(300))
    assert identity(edited(f"def v(run):\n{names}\n    from math import sqrt\n    return sqrt(4)"))


def test_functions_without_a_module_are_read():
    def made(by):
        names = {}
        exec(f"def v(run): return {by}", names)
        return names["v"]

    assert identity(made(1)) == identity(made(1))
    assert identity(made(1)) != identity(made(2))


def test_a_pydantic_model_is_completed_in_the_names_of_its_own_module(edited):
    """And not in those of the function that completes it."""
    text = """
        from __future__ import annotations
        from typing import Literal
        import pydantic
        kind = value = Literal["a", "b"]
        class M(pydantic.BaseModel):
            x: dict[kind, Later]
            y: value = "a"
        class Later(pydantic.BaseModel):
            k: int = 1
        def v(run): return M(x={"a": Later()}).y
    """
    metric = edited(text)
    identity(metric)
    assert metric(None) == "a"


def test_descriptors_and_reduce_of_the_users_are_not_called():
    class Checked:
        def __get__(self, one, kind):
            raise TypeError("no object")

        def __set__(self, one, value):
            vars(one)["rate"] = value

    class Day(dt.date):
        rate = Checked()

        def __reduce__(self):
            raise OSError("no pickle")

    days = [Day(2000, 1, number) for number in (1, 1, 2)]
    for day in days:
        day.rate = 0.5
    first, again, other = (identity(lambda run, day=day: day) for day in days)
    assert first == again != other
    days[1].rate = 0.25
    assert identity(lambda run, day=days[1]: day) != first


def test_no_method_of_the_users_is_called():
    class Loud:
        def __getattr__(self, name):
            raise OSError(name)

        __repr__ = __eq__ = __iter__ = __len__ = __getitem__ = __reduce__ = __getattr__  # type: ignore[assignment]
        __hash__ = object.__hash__

        @property
        def __class__(self):
            raise OSError("no class")

    loud = Loud()
    assert identity(lambda run: loud) == identity(lambda run: loud)


def test_sets_that_refer_to_sets_end_soon():
    def one(run):
        return held

    held = {one}
    for _ in range(30):
        before = held
        held = {lambda run, before=before: before, lambda run, before=before: (before, 1)}
    with pytest.raises(dfa.DfaLabError, match="100,000 parts"):
        identity(one)


def test_a_sweep_measures_by_the_convention_that_is_registered_now(tmp_path):
    import torch

    found = []
    for value in (1.0, 2.0):

        def angles(compared, value=value):
            return torch.full_like(compared.samples.mean(-1), value)

        dfa.CONVENTIONS.put("of_a_test", Convention("of a test", "none", angles))
        try:
            frame = dfa.sweep(
                {"rule": ["dfa"]},
                steps=2,
                task="moons",
                widths=(4,),
                metrics=[f"{column('of_a_test')}_first"],
                folder=tmp_path,
                progress=False,
            )
        finally:
            dfa.CONVENTIONS._entries.pop("of_a_test")
        found.append(frame[f"{column('of_a_test')}_first"][0])
    assert found == [1.0, 2.0]

"""Texts that are no expression in x: what somebody would try who wants to run code, or to stop the program."""

IMPORTS = """
import os|__import__('os')|__import__("os").system("true")|from os import system|import os; x|exec('x')|eval('x')
eval(x)|exec(x)|compile(x)|open('f')|open(x)|input()|exit()|quit(x)|breakpoint()|print(x)|globals()|locals()|vars()
dir(x)|help(x)|getattr(x, x)|setattr(x, x, x)|delattr(x, x)|type(x)|id(x)|hash(x)|object()|super()|memoryview(x)
system(x)|os.system(x)|sys.exit()|torch.load(x)|np.tanh(x)|math.exp(x)|builtins.eval(x)|importlib|subprocess.run(x)
"""
ATTRIBUTES = """
x.__class__|x.__class__.__bases__[0].__subclasses__()|().__class__|(1).__class__|x.data|x.numpy()|x.grad.zero_()|x.T
1 .real|1.0.real|1..hex()|tanh.__globals__|exp.__self__|x.__reduce__()|__builtins__|__name__|__loader__|__file__|_|__
x._backward_hooks|(x).tolist()|x . shape|x.__init__.__globals__['os']|pi.real|e.hex()|abs.__call__(x)|where.x(1)
"""
SYNTAX = """
lambda x: x|lambda: 0|(lambda: 1)()|[x]|[x for x in x]|{x}|{x: x}|{}|[]|()|(x,)|(x for x in x)|x if x else x
x and x|x or x|not x|x in x|x is x|x := 1|(x := 1)|(y := x)|x = 1|x += 1|x; x|x, x|*x|**x|yield x|await x|return x
x[0]|x[:]|x[...]|...|f'{x}'|f"{__import__('os')}"|'x'|"x"|b'x'|b"tanh"|r'x'|u'x'|'''x'''|'a' * 9|`x`|None|True|False
x # comment|# x|x \\|x@x|x//x|x % x|x & x|x ^ x|~x|x << 9|x >> 1|x <> x|x === x|x =< 1|!x|x!|x?|$x|x->x|@x|x:|:|;|\\
del x|pass|raise x|assert x|class x: pass|def x(): x|while x: x|for x in x: x|with x: x|try: x|global x|nonlocal x
"""
NUMBERS = """
1j|x + 1j|1_000|0x10|0b1|0o7|0xFFp1|1e|1e+|.|1.2.3|1..2|2x|2 x|x2|x 2|1e999|1e309|-1e400|1e39|inf|nan|NaN|-inf|Infinity
9**9**9**9|9**9**9|2**1e9|x**1e300|x**9**9**9|x**-99999|(9**99)**99|1e38*1e38|10**39|exp(1000)|1/0|0/0|x + 1/(1-1)
log(0)|sqrt(-1)|(-8)**(1/3)|0**-1|tan(1e39)|1e5j|1L|1f|0777x|1,000|1 000
"""
CALLS = """
tanh|tanh x|tanh()|tanh(x|tanh x)|tanh(x))|tanh(x, x)|tanh(x,)|tanh(,x)|tanh(x=x)|tanh(*x)|tanh(**x)|tanh(tanh)|max(x)
max(x, x, x)|max|clip(x)|clip(x, 1)|where(x)|where(x, x)|where(x, x, x, x)|x(x)|x()|pi(x)|e(1)|1(2)|(x)(x)|tanh(x)(x)
sinn(x)|Tanh(x)|TANH(x)|X|y|a + b|relu6(x)|log10(x)|pow(x, 2)|sum(x)|range(9)|map(tanh, x)|foo(bar(x))|tanh[x]
"""
BROKEN = """
(|)|((|))|(x|x)|)x(|()x|+|-|*|/|**|x+|x-|x*|x/|x**|*x|/x|x**/x|x + * x|x x|x <|< x|x < < x|x <= |, x|x,|(x, x)|<|==
"""
TABLES = (IMPORTS, ATTRIBUTES, SYNTAX, NUMBERS, CALLS, BROKEN)

UNICODE = [
    "１", "x + １", "ｘ", "ｅｘｐ(x)", "ﬁ", "ﬁ(x)", "x²", "х", "ехр(x)", "𝐱", "𝓽anh(x)", "x×2", "x÷2", "π",
    "∞", "√x", "|x|", "x\u200b", "\u200bx", "x\u00a0+ 1", "\ufeffx", "\u202ex", "x\u0301", "（x）",
    "x＋1", "٣", "µ",
    "\ud800", "x\udfff", "\U0001f600", "ｔanh(x)", "taｎh(x)", "ſin(x)", "__ｉmport__('os')", "＿＿import＿＿",
    "x․real",
]  # fmt: skip
BLANK = [
    "",
    " ",
    "     ",
    "\x00",
    "x\x00",
    "\x00x",
    "x\n",
    "\nx",
    "x\n+ 1",
    "x\r\n",
    "x\t+ 1",
    "\x0c",
    "x\x0b",
    "\x1b[31mx",
    "\x7f",
]
LARGE = [
    "(" * 10_000, "(" * 10_000 + "x" + ")" * 10_000, "-" * 10_000 + "x", "+" * 10_000 + "x", "x" + "**x" * 10_000,
    "x" + "+x" * 10_000, "9" * 10_000, "x" * 10_000, "x" * 1_000_000, "tanh(" * 10_000, "1 -" * 100_000,
    " " * 1_000_000,
    "0." + "1" * 10_000, "1e" + "9" * 10_000, "9" * 490, "1e" + "9" * 490, "(" * 240 + "x" + ")" * 240, "-" * 490 + "x",
    "x" + "**x" * 160, "x" + "**-x" * 120, "tanh(" * 80 + "x" + ")" * 80, "0<(" * 120 + "x" + ")" * 120,
    "ﬁ" * 400, "_" * 500, "a" * 500, "é" * 100_000, "[" * 10_000, "{" * 10_000, "\x00" * 10_000, "x\n" * 10_000,
]  # fmt: skip

TEXTS = [text for table in TABLES for line in table.strip("\n").split("\n") for text in line.split("|")]
TEXTS += [*UNICODE, *BLANK, *LARGE]

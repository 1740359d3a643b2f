"""Random cases of operators that draw random numbers: MAKERS for tools/ops_refusals.py, which compares types and shapes
of what they draw, and PDFS, densities, for tools/ops_against_mxnet.py.

SPDX-License-Identifier: Apache-2.0
"""

from numpy_cases import node, put

FLOATS = ["float32", "float32", "float64", "float16"]
# Distributions: names of parameters, and numbers that each may be.
PARAMETERS = {
    "uniform": {"low": (-2, 1), "high": (1.5, 3)},
    "normal": {"mu": (-1, 2), "sigma": (0.5, 2)},
    "gamma": {"alpha": (0.5, 3), "beta": (0.5, 2)},
    "exponential": {"lam": (0.5, 4)},
    "poisson": {"lam": (0.5, 4)},
    "negative_binomial": {"k": (1, 5), "p": (0.2, 0.9)},
    "generalized_negative_binomial": {"mu": (0.5, 3), "alpha": (0.2, 1)},
}
NUMPY = {
    "uniform": {"low": (-2, 1), "high": (1.5, 3)},
    "normal": {"loc": (-1, 2), "scale": (0.5, 2)},
    "gamma": {"shape": (0.5, 3), "scale": (0.5, 2)},
    "gumbel": {"loc": (-1, 2), "scale": (0.5, 2)},
    "logistic": {"loc": (-1, 2), "scale": (0.5, 2)},
    "exponential": {"scale": (0.5, 2)},
    "rayleigh": {"scale": (0.5, 2)},
    "pareto": {"a": (1, 3)},
    "weibull": {"a": (1, 3)},
    "powerd": {"a": (1, 3)},
}
CHOSEN = ("uniform", "normal", "gamma")
SPELLED = {"mu": "loc", "sigma": "scale"}


def number(c, name, ends):
    return int(c.rng.randint(*ends)) if name == "k" else round(float(c.rng.uniform(*ends)), 2)


def drawn(name):
    def make(c):
        a = {SPELLED.get(k, k) if name == "normal" else k: number(c, k, ends) for k, ends in PARAMETERS[name].items()}
        dtype = {"dtype": c.pick("float32", "float64", "float16")} if c.flip() else {}
        return c.symbol("_random_" + name, shape=c.pick((2, 3), (4,), 5), **a, **dtype)

    return make


def drawn_like(name):
    def make(c):
        a = {SPELLED.get(k, k) if name == "normal" else k: number(c, k, ends) for k, ends in PARAMETERS[name].items()}
        return c.symbol(f"_random_{name}_like", c.variable("data", c.shape(1, 3), c.pick(*FLOATS)), **a)

    return make


def arrays(c, ranges, shape, dtype):
    made = []
    for name, ends in ranges.items():
        c.arrays[name] = (c.rng.randint(*ends, shape) if name == "k" else c.rng.uniform(*ends, shape)).astype(dtype)
        made.append(c.var(name))
    return made


def sampled(name):
    def make(c):
        a = {"shape": c.pick((), (2, 3), (4,))} if c.flip(0.7) else {}
        if c.flip():
            a["dtype"] = c.pick("float32", "float64", "float16")
        return c.symbol("_sample_" + name, *arrays(c, PARAMETERS[name], c.shape(1, 2), c.pick(*FLOATS)), **a)

    return make


def multinomial(c):
    shape = c.shape(1, 2)
    p = c.rng.uniform(0.1, 1, shape)
    c.arrays["data"] = (p / p.sum(-1, keepdims=True)).astype(c.pick("float32", "float64"))
    a = {"shape": c.pick((), (3,), (2, 2)), "get_prob": c.flip(), "dtype": c.pick("int32", "float32", "uint8")}
    return c.symbol("_sample_multinomial", c.var("data"), **a)


def randint(c):
    return c.symbol("_random_randint", low=c.pick(-3, 0), high=c.pick(4, 100), shape=c.pick((2, 3), (4,)), dtype=c.pick("int32", "int64"))


def numpy_drawn(name, suffix=""):
    """Parameters are attributes or arrays."""

    def make(c):
        a, inputs = {}, []
        for k, ends in NUMPY[name].items():
            if c.flip(0.3):
                a[k] = "None"
                inputs.append(c.rng.uniform(*ends, c.pick((2, 1), (3,), ())).astype("float32"))
            else:
                a[k] = number(c, k, ends)
        a["size"] = c.pick("None", (2, 3), (4, 2, 3)) if not suffix else c.pick("None", (2,), (4, 5))
        if name in CHOSEN:
            a["dtype"] = c.pick("float32", "float64", "float16")
        return node(f"_npi_{name}{suffix}", put(c, *inputs), **a)

    return make


def bernoulli(c):
    a = {"is_logit": c.flip(), "size": c.pick("None", (2, 3)), "dtype": c.pick("float32", "int32", "bool", "uint8", "float64")}
    name, other = ("logit", "prob") if a["is_logit"] else ("prob", "logit")
    if c.flip(0.3):
        return node("_npi_bernoulli", put(c, c.rng.uniform(0.2, 0.8, (2, 1)).astype("float32")), **{name: "None", other: "None"}, **a)
    return node("_npi_bernoulli", 0, **{name: 0.3, other: "None"}, **a)


def choice(c):
    weighted = c.flip()
    p = [c.rng.dirichlet([1] * 5).astype("float32")] if weighted else []
    return node("_npi_choice", put(c, *p), a=5, size=c.pick((2,), (3, 1)), replace=c.flip(), weighted=weighted)


def numpy_multinomial(c):
    return node("_npi_multinomial", 0, n=c.pick(0, 1, 9), pvals=c.pick((0.2, 0.8), (0.5, 0.25, 0.25)), size=c.pick("None", (2, 3), ()))


def density(name):
    def make(c):
        shape, dtype = c.shape(1, 2), c.pick("float32", "float32", "float64")
        sample = arrays(c, {"sample": (0.1, 1.4)}, (*shape, *c.pick((), (3,), (2, 2))), dtype)
        if "binomial" in name or name == "poisson":
            c.arrays["sample"] = c.arrays["sample"].round() * 2
        return c.symbol("_random_pdf_" + name, *sample, *arrays(c, PARAMETERS[name], shape, dtype), is_log=c.flip())

    return make


def dirichlet(c):
    shape, k, dtype = c.shape(1, 1), int(c.rng.randint(2, 5)), c.pick("float32", "float64")
    c.arrays["sample"] = c.rng.dirichlet([1] * k, (*shape, *c.pick((), (3,)))).astype(dtype)
    c.arrays["alpha"] = c.rng.uniform(0.5, 3, (*shape, k)).astype(dtype)
    return c.symbol("_random_pdf_dirichlet", c.var("sample"), c.var("alpha"), is_log=c.flip())


PDFS = {**{"_random_pdf_" + name: density(name) for name in PARAMETERS}, "_random_pdf_dirichlet": dirichlet}
NUMPY_MAKERS = {
    **{"_npi_" + name: numpy_drawn(name) for name in NUMPY},
    **{f"_npi_{name}_n": numpy_drawn(name, "_n") for name in ("uniform", "normal")},
    "_npi_bernoulli": bernoulli,
    "_npi_choice": choice,
    "_npi_multinomial": numpy_multinomial,
}
MAKERS = {
    **{"_random_" + name: drawn(name) for name in PARAMETERS},
    **{f"_random_{name}_like": drawn_like(name) for name in PARAMETERS},
    **{"_sample_" + name: sampled(name) for name in PARAMETERS},
    "_sample_multinomial": multinomial,
    "_random_randint": randint,
    "_shuffle": lambda c: c.symbol("_shuffle", c.variable("data", c.shape(1, 3), c.pick(*FLOATS, "int32"))),
    **NUMPY_MAKERS,
}

#!/usr/bin/env python3
"""Run a compiled checkpoint in a real MXNet in several threads and processes.

    run_processes.py EXTENSION.so COMPILED_PREFIX SHAPE

SHAPE is that of the input `data`, batch first; the label is `softmax_label`. Prints a line for each check and ends with
how many passed.

SPDX-License-Identifier: Apache-2.0
"""

import ast
import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading
import time

# As the Python package does it: else MXNet lets forwards of all extension operators exclude each other. One core for each
# executor, so that several of them can be faster than one.
os.environ.setdefault("MXNET_CPU_PARALLEL_RAND_COPY", "8")
os.environ["MXNEURON_NUM_CORES"] = "1"

import numpy as np
from checks import checks_of, named, run_checks

import mxnet as mx

ATTEMPTS = 5
N_THREADS = 4
N_FORKS = 5


def bind(extension, prefix, shape, context=None):
    if not hasattr(mx.sym._internal, "_neuron_subgraph_op"):
        mx.library.load(extension, False)
    symbol, args, aux = mx.model.load_checkpoint(prefix, 0)
    executor = symbol.simple_bind(context or mx.cpu(), data=shape, grad_req="null")
    executor.copy_params_from(args, aux)
    return executor


def answer(executor):
    shape = executor.arg_dict["data"].shape
    data = (np.arange(np.prod(shape)) % 17 / 17).astype("float32").reshape(shape)
    return executor.forward(data=mx.nd.array(data))[0].asnumpy()


def load_bind_and_run(queue, *model):
    queue.put(answer(bind(*model)))


def run_again(queue, executor):
    queue.put(answer(executor))


def join(processes, queue, expected):
    for process in processes:
        process.daemon = True  # one that hangs ends with this test
        process.start()
    answers = [queue.get(timeout=300) for _ in processes]
    for process in processes:
        process.join(300)
        assert process.exitcode == 0, process.exitcode
    for found in answers:
        assert (found == expected).all(), abs(found - expected).max()


def check_processes(*model):
    """Each loads, binds and runs; the parent has the model running."""
    expected = answer(bind(*model))
    for method, n_processes in (("fork", 3), ("spawn", 1)):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        processes = [context.Process(target=load_bind_and_run, args=(queue, *model)) for _ in range(n_processes)]
        join(processes, queue, expected)


def check_a_forked_executor(*model):
    """Parent and child go on with the executor of the parent."""
    executor = bind(*model)
    expected = answer(executor)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    join([context.Process(target=run_again, args=(queue, executor)) for _ in range(2)], queue, expected)
    assert (answer(executor) == expected).all()


def run_in_python(call, **environment):
    """A call of this module, as `r`, in a new Python, which has to end well."""
    code = f"import sys; sys.path.insert(0, sys.argv[1]); import run_processes as r; m = r.model_of(sys.argv[2:]); {call}"
    command = [sys.executable, "-c", code, os.path.dirname(os.path.abspath(__file__)), *sys.argv[1:]]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, timeout=300,
                          env={**os.environ, **environment})
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr[-500:]}"


def fork_while_threads_run(*model):
    executors = [bind(*model, mx.cpu(i)) for i in range(2)]
    expected = answer(executors[0])
    stop = threading.Event()

    def run():
        while not stop.is_set():
            answer(executors[1])

    thread = threading.Thread(target=run)
    thread.start()
    context = multiprocessing.get_context("fork")
    try:
        for _ in range(N_FORKS):
            queue = context.Queue()
            join([context.Process(target=load_bind_and_run, args=(queue, *model))], queue, expected)
    finally:
        stop.set()
        thread.join()


def check_fork_while_threads_run(*model):
    """The child begins with what was whole when it was made. Threads run the operator themselves: with MXNet's other
    engine they wait for an array, and where one waits in the parent, the engine of the child can wait for ever."""
    run_in_python("r.fork_while_threads_run(*m)", MXNET_ENGINE_TYPE="NaiveEngine")


def check_a_clean_exit_with_models_open(*model):
    """Forwards that nobody waits for are under way when the process ends."""
    run_in_python("e = r.bind(*m); [e.forward() for _ in range(50)]")


def runs_a_second(calls, seconds=0.6):
    """Of all calls together, each made again and again in a thread of its own."""
    counts = [0] * len(calls)
    end = time.monotonic() + seconds

    def run(i):
        while time.monotonic() < end:
            calls[i]()
            counts[i] += 1

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def gain(calls):
    """How many times the runs of one thread all of them make."""
    one = runs_a_second(calls[:1])
    return runs_a_second(calls) / one


def check_executors_run_at_the_same_time(extension, prefix, shape):
    """1.7 times the runs of one thread, where the cores are free: as far as other processes take them away, plain hashing
    in as many threads gains less than 2, too. A batch makes the work outweigh Python, and the time for which the system
    lets a thread wait for a core."""
    if len(os.sched_getaffinity(0)) < 2:
        return "needs two cores"
    batch, block = (512, *shape[1:]), bytes(1 << 20)
    executors = [bind(extension, prefix, batch, mx.cpu(i)) for i in range(N_THREADS)]
    forwards = [lambda e=e: e.forward()[0].wait_to_read() for e in executors]
    gains = []
    for _ in range(ATTEMPTS):
        possible = min(2, gain([lambda: hashlib.sha256(block)] * N_THREADS))
        gains.append((gain(forwards), possible))
        if gains[-1][0] >= 1.7 / 2 * possible:
            return None
    raise AssertionError(f"expected 1.7 times the runs of one thread where 2 are possible, got {gains}")


def model_of(arguments):
    extension, prefix, shape = arguments
    return extension, prefix, ast.literal_eval(f"({shape},)")


def main():
    sys.exit(run_checks(named(checks_of(globals()), *model_of(sys.argv[1:]))))


if __name__ == "__main__":
    main()

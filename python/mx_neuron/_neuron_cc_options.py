"""Options of `neuron-cc compile`. Made by cli-documents, as src/cli/documents.c says.

SPDX-License-Identifier: Apache-2.0
"""

# Name: what its value is called, None for a flag, and whether that lists the words that may follow.
OPTIONS = {
    "--framework": ("NAME", False),
    "--io-config": ("JSON|FILE", False),
    "--neuroncore-pipeline-cores": ("N", False),
    "--num-neuroncores": ("N", False),
    "--output": ("FILE", False),
    "--targets": ("T", False),
    "--dump": ("PASS", False),
    "--dump-path": ("FILE", False),
    "--verbose": ("LEVEL", False),
    "--fp32-cast": ("all|matmult|matmult-fp16|matmult-bf16|all-fp16", True),
    "--fast-math": ("all|none|fast-relayout|no-fast-relayout|fp32-cast-all|fp32-cast-all-fp16|fp32-cast-matmult|fp32-cast-matmult-bf16|fp32-cast-matmult-fp16", True),
    "--enable-saturate-infinity": (None, False),
    "--enable-fast-loading-neuron-binaries": (None, False),
    "--enable-fast-context-switch": (None, False),
    "--static-weights": (None, False),
    "--extract-weights": ("[TYPE]", False),
    "--batching_en": (None, False),
    "--rematerialization_en": (None, False),
    "--spill_dis": (None, False),
    "--arith_intensity_target": ("N", False),
    "--sb_size": ("N", False),
    "--enable-replication": ("BOOL", False),
    "--tensor-layout-heuristics": ("NAME", False),
    "--pipeline": ("compile|SaveTemps", True),
    "-O1": (None, False),
    "-O2": (None, False),
    "-O3": (None, False),
}

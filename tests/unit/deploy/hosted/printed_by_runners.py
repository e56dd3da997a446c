"""What `benchmark_model` and `executor_runner` print, as their documentation and sources show it."""

BENCHMARK_MODEL = """\
INFO: STARTING!
INFO: Num threads: [1]
INFO: Graph: [model.tflite]
INFO: Initialized session in 3.256ms.
INFO: Running benchmark for at least 1 iterations and at least 0 seconds but terminate if exceeding 120 seconds.
INFO: count=2 first=21391 curr=12519 min=12345 max=21391 avg=12830.5 std=1476 p5=12345 median=12519 p95=21391

INFO: Running benchmark for at least 80 iterations and at least 0 seconds but terminate if exceeding 120 seconds.
INFO: count=80 first=12525 curr=12468 min=12317 max=13192 avg=1.24752e+04 std=138 p5=12320 median=12470 p95=12900

INFO: Inference timings in us: Init: 3256, First inference: 21391, Warmup (avg): 12830.5, Inference (avg): 12475.2
INFO: Memory footprint delta from the start of the tool (MB): init=2.5 overall=5.2"""

OLDER_BENCHMARK_MODEL = """\
count=1 curr=3512391

count=50 first=2990275 curr=2913402 min=2727568 max=3189954 avg=2.95034e+06 std=109798

Inference timings in us: Init: 17187, First inference: 3512391, Warmup (avg): 3.51239e+06, Inference (avg): 2.95e+06"""

_HEAD = "[node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]"

OPERATORS = f"""\
INFO: Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
\t             {_HEAD}
\t         AllocateTensors\t    1.356\t    1.356\t100.000%\t100.000%\t     0.000\t        1\tAllocateTensors/0

============================== Top by Computation Time ==============================
\t             {_HEAD}

INFO: Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t             {_HEAD}
\t                QUANTIZE\t    0.199\t    0.203\t  1.328%\t  1.328%\t     0.000\t        1\t[tfl.quantize]:0
\t                    MEAN\t    0.075\t    0.080\t  0.153%\t  1.481%\t     0.000\t        1\t[a, b/Relu]:61
\tConvolution (NHWC, QC8) DWConv\t    0.428\t    0.051\t  4.317%\t  8.304%\t     0.000\t       13\tDelegate/DWConv:1

============================== Top by Computation Time ==============================
\t             {_HEAD}
\t                QUANTIZE\t    0.199\t    0.203\t  1.328%\t  1.328%\t     0.000\t        1\t[tfl.quantize]:0
"""

OLDER_OPERATORS = """\
Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t   [node type]\t  [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t       CONV_2D\t    0.066\t   87.754\t   60.957\t  2.066%\t  2.066%\t     0.000\t        1\t[Conv2d_0/Relu6]:0
"""

EXECUTOR_RUNNER = """\
I 00:00:00.000771 executorch:executor_runner.cpp:449] Model file model.pte is loaded.
I 00:00:00.000785 executorch:executor_runner.cpp:458] Using method forward
I 00:00:00.004150 executorch:executor_runner.cpp:700] Iteration 1 of 3: 1.750000 ms
I 00:00:00.004650 executorch:executor_runner.cpp:700] Iteration 2 of 3: 0.400000 ms
I 00:00:00.005250 executorch:executor_runner.cpp:700] Iteration 3 of 3: 0.600000 ms
I 00:00:00.005260 executorch:executor_runner.cpp:709] Model executed successfully 3 time(s) in 2.750000 ms.
I 00:00:00.005261 executorch:executor_runner.cpp:717] 1 outputs:"""

OLDER_EXECUTOR_RUNNER = """\
I 00:00:00.004 executorch:executor_runner.cpp:340] Model executed successfully 4 time(s) in 2.000000 ms."""

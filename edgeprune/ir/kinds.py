"""The operators a graph is made of."""

from __future__ import annotations

from enum import StrEnum


class OpKind(StrEnum):
    """TFLite's builtin operator names, and four of our own. What each kind has is in `traits.py`."""

    CONV_2D = "CONV_2D"  # groups follow from the weight's shape
    DEPTHWISE_CONV_2D = "DEPTHWISE_CONV_2D"
    TRANSPOSE_CONV = "TRANSPOSE_CONV"  # inputs (input, weight, bias)
    FULLY_CONNECTED = "FULLY_CONNECTED"
    ADD = "ADD"
    SUB = "SUB"
    MUL = "MUL"
    MAXIMUM = "MAXIMUM"
    MINIMUM = "MINIMUM"
    SQUARED_DIFFERENCE = "SQUARED_DIFFERENCE"
    FLOOR_DIV = "FLOOR_DIV"
    FLOOR_MOD = "FLOOR_MOD"
    AVERAGE_POOL_2D = "AVERAGE_POOL_2D"
    MAX_POOL_2D = "MAX_POOL_2D"
    MEAN = "MEAN"
    SUM = "SUM"
    REDUCE_MAX = "REDUCE_MAX"
    REDUCE_MIN = "REDUCE_MIN"
    L2_NORMALIZATION = "L2_NORMALIZATION"  # over the last axis
    SOFTMAX = "SOFTMAX"
    LOG_SOFTMAX = "LOG_SOFTMAX"
    LOGISTIC = "LOGISTIC"
    TANH = "TANH"
    RELU = "RELU"
    RELU6 = "RELU6"
    RELU_N1_TO_1 = "RELU_N1_TO_1"
    RELU_0_TO_1 = "RELU_0_TO_1"
    LEAKY_RELU = "LEAKY_RELU"
    PRELU = "PRELU"
    HARD_SWISH = "HARD_SWISH"
    ELU = "ELU"
    GELU = "GELU"
    PAD = "PAD"
    PADV2 = "PADV2"  # input 1 holds the value
    MIRROR_PAD = "MIRROR_PAD"
    RESHAPE = "RESHAPE"
    SQUEEZE = "SQUEEZE"
    EXPAND_DIMS = "EXPAND_DIMS"
    TRANSPOSE = "TRANSPOSE"
    CONCATENATION = "CONCATENATION"
    SPLIT = "SPLIT"
    SPLIT_V = "SPLIT_V"
    PACK = "PACK"
    UNPACK = "UNPACK"
    SLICE = "SLICE"
    STRIDED_SLICE = "STRIDED_SLICE"
    GATHER = "GATHER"
    GATHER_ND = "GATHER_ND"
    SCATTER_ND = "SCATTER_ND"  # inputs (indices, updates); the shape is the output's
    RESIZE_NEAREST_NEIGHBOR = "RESIZE_NEAREST_NEIGHBOR"
    RESIZE_BILINEAR = "RESIZE_BILINEAR"
    SPACE_TO_DEPTH = "SPACE_TO_DEPTH"
    DEPTH_TO_SPACE = "DEPTH_TO_SPACE"
    SPACE_TO_BATCH_ND = "SPACE_TO_BATCH_ND"
    BATCH_TO_SPACE_ND = "BATCH_TO_SPACE_ND"
    TILE = "TILE"
    BROADCAST_TO = "BROADCAST_TO"
    READ_VARIABLE = "READ_VARIABLE"  # inputs (state)
    ASSIGN_VARIABLE = "ASSIGN_VARIABLE"  # inputs (value), outputs (state)
    QUANTIZE = "QUANTIZE"
    DEQUANTIZE = "DEQUANTIZE"
    ABS = "ABS"
    NEG = "NEG"
    SQRT = "SQRT"
    RSQRT = "RSQRT"
    EXP = "EXP"
    LOG = "LOG"
    SIN = "SIN"
    COS = "COS"
    SIGN = "SIGN"
    FLOOR = "FLOOR"
    CEIL = "CEIL"
    ROUND = "ROUND"
    POW = "POW"
    DIV = "DIV"
    GREATER = "GREATER"
    GREATER_EQUAL = "GREATER_EQUAL"
    EQUAL = "EQUAL"
    NOT_EQUAL = "NOT_EQUAL"
    LOGICAL_AND = "LOGICAL_AND"
    LOGICAL_OR = "LOGICAL_OR"
    LOGICAL_NOT = "LOGICAL_NOT"
    SELECT_V2 = "SELECT_V2"
    CAST = "CAST"
    BATCH_MATMUL = "BATCH_MATMUL"
    ARG_MAX = "ARG_MAX"
    ARG_MIN = "ARG_MIN"
    TOPK_V2 = "TOPK_V2"  # outputs (values, indices), as many as they have room for
    UNIDIRECTIONAL_SEQUENCE_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
    SVDF = "SVDF"
    FUNCTION = "FUNCTION"  # not TFLite's: a float function of each value (`function.py`), a TABLE once it is quantized
    TABLE = "TABLE"  # not TFLite's: each value of input 0 picks the row of input 1 that it is the index of
    EARLY_EXIT = "EARLY_EXIT"  # not TFLite's (`engine/graph/early_exit.py`): inputs (own output, the exit's)
    STAGE = "STAGE"  # not TFLite's: the first layers run row by row (`engine/plan/stage`), made after lowering

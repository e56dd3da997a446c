"""How many samples layers are solved from."""

from edgeprune.fitting.recover import samples_to_solve_from
from edgeprune.model.trace import trace
from tests import nets


def test_small_networks_get_all_deep_ones_what_a_minute_allows():
    small = trace(nets.ResNet8(), (1, 3, 32, 32))
    assert samples_to_solve_from(small, 3 * 32 * 32) == 2048
    assert samples_to_solve_from(small, 1 << 20) == 64  # 256 MiB of them
    deep = trace(nets.MobileNetV2(), (1, 3, 224, 224))  # 53 layers of 300 M MACs in all
    assert samples_to_solve_from(deep, 3 * 224 * 224) == 64
    middle = trace(nets.MobileNetV1(), (1, 3, 96, 96))  # 28 layers, 7.5 M MACs
    assert 1500 < samples_to_solve_from(middle, 3 * 96 * 96) < 2048

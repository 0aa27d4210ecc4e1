"""What an update needs at least, against hand arithmetic; what a device can do, as properties."""

import pytest
import torch

from resnet_lab.bench import limits
from resnet_lab.resnet import ResNet, cifar

TINY = cifar(8, width=4)  # stem, three blocks of two convolutions, classifier
PLAIN = cifar(8, width=4, shortcut="none")

# on 8x8 images, (values in, values out) of each convolution
CONVOLUTIONS = [(192, 256), (256, 256), (256, 256), (256, 128), (128, 128), (128, 64), (64, 64)]


class TestNeed:
    @pytest.mark.parametrize("batch", [1, 5])
    def test_operations_by_hand(self, batch):
        """Multiply-adds: values out x channels in x 9, and 16 x 10 of the classifier."""
        channels = (3, 4, 4, 4, 8, 8, 16)
        each = [out * c * 9 for (_, out), c in zip(CONVOLUTIONS, channels, strict=True)]
        assert each[0] == 6_912 and sum(each) + 160 == 53_152
        found = limits.need(TINY, 8, batch, "float32").operations
        # three products a layer, two operations each; no gradient of the images
        assert found == batch * (3 * 2 * 53_152 - 2 * 6_912)

    def test_maps_by_hand(self):
        """Forward i + 4 o, backward 2 i + 7 o; the stem spares i + o."""
        convolutions = sum(3 * i + 11 * o for i, o in CONVOLUTIONS) - (192 + 256)
        pooling, classifier = 2 * (64 + 16), 3 * (16 + 10)
        additions = 2 * (256 + 128 + 64)
        plain = convolutions + pooling + classifier
        assert limits.values_moved(ResNet(PLAIN), (3, 8, 8)) == plain
        assert limits.values_moved(ResNet(TINY), (3, 8, 8)) == plain + additions

    def test_bytes_by_hand(self):
        """Parameters: 9 (12 + 16 + 16 + 32 + 64 + 128 + 256) weights, 2 (4 x 3 + 8 x 2 + 16 x 2)
        of BN, 170 of the classifier.
        """
        weights = 9 * 524 + 2 * 60 + 170
        maps = limits.values_moved(ResNet(TINY), (3, 8, 8))
        assert limits.need(TINY, 8, 7, "float32").bytes == 7 * 4 * maps + 32 * weights
        assert limits.need(TINY, 8, 7, "bfloat16").bytes == 7 * 2 * maps + 28 * weights

    def test_the_count_leaves_the_random_state_to_its_owner(self):
        before = torch.get_rng_state()
        limits.need(TINY, 8, 1, "float32")
        assert torch.equal(torch.get_rng_state(), before)

    def test_a_resnet_20_at_paper_scale_is_bound_by_memory_on_any_gpu(self):
        """Table 6's nets are thin: some 100 operations a byte, where GPUs offer several hundred."""
        found = limits.need(cifar(20), 32, 128, "bfloat16")
        assert 20 < found.operations / found.bytes < 200


class TestMeasured:
    def test_a_copy_counts_its_reading_and_its_writing(self, monkeypatch):
        monkeypatch.setattr(limits, "best_seconds", lambda work, device: work() is None or 0.5)
        assert limits.bandwidth("cpu", 1_000) == 4_000  # 2 x 1000 bytes in half a second

    @pytest.mark.parametrize("precision", ["float32", "bfloat16"])
    def test_a_product_counts_two_operations_a_term(self, monkeypatch, precision):
        monkeypatch.setattr(limits, "best_seconds", lambda work, device: work() is None or 0.5)
        before = torch.backends.cuda.matmul.fp32_precision
        assert limits.arithmetic("cpu", precision, 10) == 4_000  # 2 x 10^3 in half a second
        assert torch.backends.cuda.matmul.fp32_precision == before

    def test_the_time_of_a_call_is_the_least_of_the_means_after_a_first_try(self, monkeypatch):
        clock = iter([0, 90, 100, 140, 200, 220])
        monkeypatch.setattr(limits.time, "perf_counter", lambda: next(clock))
        calls = []
        assert limits.best_seconds(lambda: calls.append(1), "cpu", tries=2, calls=10) == 2
        assert len(calls) == 30

    def test_this_processor_has_limits(self, monkeypatch):
        monkeypatch.setattr(limits, "bandwidth", lambda device, size: 1.0)
        monkeypatch.setattr(limits, "arithmetic", lambda device, kind, n: 2.0)
        found = limits.measure("cpu")
        assert "float32" in found.arithmetic and found.bandwidth == 1.0

"""What a run takes, against a count by hand and against a pass with real tensors."""

import torch
from conftest import mini_job
from test_twins import saved

from resnet_lab import memory
from resnet_lab.recipe import Recipe
from resnet_lab.resnet import ResNet, cifar
from resnet_lab.runs import Images, Run


def test_resnet_20_by_hand():
    """Every convolution keeps its input and every BN its input; weights are kept besides.

    Stage 1: the image (3 maps), then 7 convolutions on 16 maps of 32x32, each kept before its BN
    and after its ReLU; stages 2 and 3: 6 each on 32 and 64 maps; the pooled 64 values.
    """
    maps = 3 * 32 * 32 + 2 * 32 * 32 * (7 * 16) + 2 * 16 * 16 * (6 * 32) + 2 * 8 * 8 * (6 * 64)
    counted = memory.saved_values(cifar(20), 128, 32)
    assert abs(counted - 128 * maps) < 0.02 * 128 * maps


def test_the_count_is_that_of_a_pass_with_real_tensors():
    for config in (cifar(14, width=4), cifar(14, width=4, shortcut="none")):
        real, _ = saved(ResNet(config).train(), torch.rand(8, 3, 16, 16))
        counted = 4 * memory.saved_values(config, 8, 16)
        assert abs(counted - real) < 0.05 * real


def test_it_grows_with_depth_and_batch_and_halves_in_bfloat16():
    run = Run(net=cifar(20), recipe=Recipe(), images=Images())
    deep = Run(net=cifar(110), recipe=Recipe(), images=Images())
    assert memory.needed(run, "bfloat16") * 2 == memory.needed(run, "float32")
    assert memory.needed(deep, "float32") > 5 * memory.needed(run, "float32")
    assert memory.saved_values(cifar(20), 64, 32) < memory.saved_values(cifar(20), 128, 32)


def test_a_run_fits_where_there_is_room(monkeypatch):
    run = mini_job().run
    assert memory.free("cpu") is None and memory.fits(run, "float32", "cpu")
    need = memory.needed(run, "float32")
    for room, expected in ((need, True), (need - 1, False)):
        monkeypatch.setattr(memory, "free", lambda device, room=room: room)
        assert memory.fits(run, "float32", "cuda") is expected


def test_free_memory_is_what_the_gpu_says_once_the_allocator_has_let_go(monkeypatch):
    let_go = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: let_go.append(1))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 1000))
    assert memory.free("cuda") == 100 and let_go


def test_a_full_gpu_is_known_by_its_class_and_by_its_words():
    assert memory.ran_out(torch.OutOfMemoryError("Tried to allocate 2 GiB"))
    assert memory.ran_out(RuntimeError("CUDA error: out of memory"))
    assert memory.ran_out(RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"))
    try:
        try:
            raise torch.OutOfMemoryError("full")
        finally:
            raise RuntimeError("capture invalidated")
    except RuntimeError as error:
        assert memory.ran_out(error)
    assert not memory.ran_out(RuntimeError("shapes do not match")) and not memory.ran_out(None)

"""Which device computes: what is there is taken, what is not is said."""

import pytest
import torch

from lass.devices import choose
from lass.errors import SettingsError


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_the_processor_is_always_there(device: str) -> None:
    assert choose(device) == device


def test_auto_chooses_what_computes() -> None:
    assert torch.zeros(1, device=choose("auto")).sum() == 0


@pytest.mark.parametrize("device", ["cpu:1", "cuda:9999"])
def test_a_device_that_is_not_here_is_said_to_be(device: str) -> None:
    with pytest.raises(SettingsError, match=f"no device {device} on this machine"):
        choose(device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_without_a_gpu_none_is_promised(device: str) -> None:
    with pytest.raises(SettingsError, match="use cpu or auto"):
        choose(device)


@pytest.mark.parametrize(
    "device", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:-1", "auto:0", "CPU", "cpu\n", "cuda:٣٣٣٣٣"]
)
def test_what_is_no_device_is_refused(device: str) -> None:
    with pytest.raises(SettingsError, match="kind of device"):
        choose(device)

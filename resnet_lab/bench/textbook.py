"""The training loop that most tutorials teach; `resnet-lab bench` measures ours beside it.

Paper: Section 4.2 (the same net, batch, rate, momentum, weight decay and augmentation).
Notebook: notebooks/00_start_here.py. Tests: tests/test_bench.py.
"""

from collections.abc import Iterator

import torch
from PIL import Image
from torch import Tensor, nn, optim
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from resnet_lab.data import per_pixel_mean


class ImageDataset(Dataset):
    """Images one by one through PIL, as `torchvision.datasets.CIFAR10` hands them out.

    Shapes: uint8 (N, 3, H, W), int64 (N,).
    """

    def __init__(self, images: Tensor, labels: Tensor, transform) -> None:
        self.images = images.permute(0, 2, 3, 1).contiguous().numpy()
        self.labels = labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index])
        return self.transform(image), self.labels[index]


def make_loader(
    images: Tensor, labels: Tensor, *, batch: int = 128, workers: int = 2
) -> DataLoader:
    """Shuffled batches of padded, cropped, mirrored images minus the mean colour.

    Shapes: uint8 (N, 3, H, W), int64 (N,) -> batches of float32 (batch, 3, H, W), int64 (batch,).
    """
    size = images.shape[-1]
    mean = per_pixel_mean(images).mean((1, 2)).tolist()
    transform = transforms.Compose(
        [
            transforms.RandomCrop(size, padding=size // 8),  # 4 pixels at 32x32
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(mean, (1, 1, 1)),
        ]
    )
    dataset = ImageDataset(images, labels, transform)
    return DataLoader(dataset, batch_size=batch, shuffle=True, num_workers=workers)


def train(
    net: nn.Module,
    loader,
    *,
    epochs: int = 1,
    lr: float = 0.1,
    device: str | torch.device = "cpu",
) -> Iterator[float]:
    """Train `net` in place, on `device`; yield the loss of every update.

    Precision is what PyTorch does unasked: float32, on a GPU with convolutions in TF32.
    """
    net.to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=1e-4)
    net.train()
    for _ in range(epochs):
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            outputs = net(images)
            loss = criterion(outputs, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()

"""Small networks as people write them, one of each family, for images of 3 x 32 x 32 and ten classes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 10


def conv_norm(ins: int, outs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(ins, outs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outs)]


def pooled(x: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(x, 1).flatten(1)


class BasicBlock(nn.Module):
    """Functional activations, an in-place sum, a shortcut without weights."""

    def __init__(self, ins: int, outs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_norm(ins, outs, 3, stride)
        self.conv2, self.bn2 = conv_norm(outs, outs)
        self.more = outs - ins

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.more:
            half = self.more // 2
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, half))
        out += x
        return F.relu(out)


class CifarResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_norm(3, 8)
        self.layer1 = nn.Sequential(BasicBlock(8, 8, 1), BasicBlock(8, 8, 1))
        self.layer2 = nn.Sequential(BasicBlock(8, 16, 2), BasicBlock(16, 16, 1))
        self.layer3 = nn.Sequential(BasicBlock(16, 32, 2), BasicBlock(32, 32, 1))
        self.linear = nn.Linear(32, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer3(self.layer2(self.layer1(out)))
        out = F.avg_pool2d(out, out.size()[3])
        return self.linear(out.view(out.size(0), -1))


class InvertedResidual(nn.Module):
    def __init__(self, ins: int, outs: int, stride: int, factor: int = 3, gate: bool = False) -> None:
        super().__init__()
        hidden = ins * factor
        self.keeps = stride == 1 and ins == outs
        self.conv = nn.Sequential(
            *conv_norm(ins, hidden, 1),
            nn.Hardswish(inplace=True) if gate else nn.ReLU6(inplace=True),
            *conv_norm(hidden, hidden, 3, stride, hidden),
            *([Gate(hidden)] if gate else []),
            nn.Hardswish(inplace=True) if gate else nn.ReLU6(inplace=True),
            *conv_norm(hidden, outs, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.keeps else self.conv(x)


class Gate(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, 4, 1)
        self.fc2 = nn.Conv2d(4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = F.adaptive_avg_pool2d(x, 1)
        scale = F.hardsigmoid(self.fc2(F.relu(self.fc1(scale), inplace=True)), inplace=True)
        return scale * x


class MobileNetV2(nn.Module):
    def __init__(self, gate: bool = False) -> None:
        super().__init__()
        stem = nn.Sequential(*conv_norm(3, 8, 3, 2), nn.ReLU6(inplace=True))
        blocks = [(8, 8, 1), (8, 12, 2), (12, 12, 1), (12, 16, 2), (16, 16, 1)]
        body = [InvertedResidual(*block, gate=gate) for block in blocks]
        self.features = nn.Sequential(
            stem, *body, nn.Sequential(*conv_norm(16, 48, 1), nn.ReLU6(inplace=True))
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(48, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(pooled(self.features(x)))


class MobileNetV3(MobileNetV2):
    """Gates and hard swish, both in place."""

    def __init__(self) -> None:
        super().__init__(gate=True)


class EfficientNet(nn.Module):
    """Blocks called in a loop, skipped at random in training."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv_norm(3, 8, 3, 2), nn.SiLU(inplace=True))
        self.blocks = nn.ModuleList(
            [InvertedResidual(8, 8, 1, 2), InvertedResidual(8, 16, 2), InvertedResidual(16, 16, 1)]
        )
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            out = block(x)
            if self.training and block.keeps:
                keep = 1 - 0.1 * i / len(self.blocks)
                mask = keep + torch.rand([x.shape[0], 1, 1, 1], dtype=x.dtype, device=x.device)
                out = x + (out - x) / keep * torch.floor(mask)
            x = out
        return self.head(pooled(x))


class DenseLayer(nn.Module):
    def __init__(self, ins: int, growth: int) -> None:
        super().__init__()
        self.norm, self.relu = nn.BatchNorm2d(ins), nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(ins, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.conv(self.relu(self.norm(x)))], 1)


class DenseNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.dense1 = nn.Sequential(*(DenseLayer(8 + 4 * i, 4) for i in range(3)))
        self.transition = nn.Sequential(
            nn.BatchNorm2d(20), nn.ReLU(inplace=True), nn.Conv2d(20, 10, 1, bias=False), nn.AvgPool2d(2)
        )
        self.dense2 = nn.Sequential(*(DenseLayer(10 + 4 * i, 4) for i in range(3)))
        self.norm = nn.BatchNorm2d(22)
        self.classifier = nn.Linear(22, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dense2(self.transition(self.dense1(self.stem(x))))
        return self.classifier(pooled(F.relu(self.norm(x), inplace=True)))


class UNetEncoder(nn.Module):
    """Skips from the way down to the way up: inside the U several tensors are alive."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv_norm(3, 8), nn.ReLU(inplace=True))
        self.down1 = nn.Sequential(*conv_norm(8, 12, 3, 2), nn.ReLU(inplace=True))
        self.down2 = nn.Sequential(*conv_norm(12, 16, 3, 2), nn.ReLU(inplace=True))
        self.up2 = nn.ConvTranspose2d(16, 12, 2, 2)
        self.up1 = nn.ConvTranspose2d(12, 8, 2, 2)
        self.merge = nn.Sequential(*conv_norm(8, 16, 3, 2), nn.ReLU(inplace=True))
        self.tail = nn.Sequential(*conv_norm(16, 24, 3, 2), nn.ReLU(inplace=True))
        self.head = nn.Linear(24, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        top = self.stem(x)
        middle = self.down1(top)
        bottom = self.down2(middle)
        up = self.up1(self.up2(bottom) + middle) + top
        return self.head(pooled(self.tail(self.merge(up))))


class Mixed(nn.Module):
    """Four branches side by side, joined."""

    def __init__(self, ins: int) -> None:
        super().__init__()
        self.b1 = nn.Sequential(*conv_norm(ins, 4, 1), nn.ReLU(inplace=True))
        self.b2 = nn.Sequential(*conv_norm(ins, 4, 1), nn.ReLU(inplace=True), *conv_norm(4, 8))
        self.b3 = nn.Sequential(*conv_norm(ins, 4, 5))
        self.b4 = nn.Conv2d(ins, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        pool = F.max_pool2d(x, 3, stride=1, padding=1)
        return torch.cat([self.b1(x), self.b2(x), self.b3(x), self.b4(pool)], 1)


class Inception(nn.Module):
    """Answers with a tuple in training: the logits and those of a branch."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*conv_norm(3, 8, 3, 2), nn.ReLU(inplace=True))
        self.mixed1, self.mixed2 = Mixed(8), Mixed(20)
        self.aux, self.fc = nn.Linear(20, CLASSES), nn.Linear(20, CLASSES)

    def forward(self, x: Tensor):
        x = self.mixed1(self.stem(x))
        aux = self.aux(pooled(x)) if self.training else None
        logits = self.fc(pooled(self.mixed2(F.max_pool2d(x, 2))))
        return {"logits": logits, "aux": aux} if self.training else logits


class ConvNeXtBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.pwconv1, self.pwconv2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        out = self.gamma * self.pwconv2(F.gelu(self.pwconv1(out)))
        return x + out.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.stages = nn.ModuleList(
            [
                nn.Sequential(ConvNeXtBlock(8), ConvNeXtBlock(8)),
                nn.Sequential(nn.Conv2d(8, 16, 2, 2), ConvNeXtBlock(16)),
            ]
        )
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.head(self.norm(x.mean([-2, -1])))


class EncoderBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * width, width)
        )
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        batch, count, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, count, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, count, width)
        x = x + self.proj(attended)
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width = 16
        self.patch = nn.Conv2d(3, width, 8, 8)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, 17, width) * 0.02)
        self.blocks = nn.Sequential(*(EncoderBlock(width, 2) for _ in range(3)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


class MixerBlock(nn.Module):
    """Mixes places, then channels, which come last throughout."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.places = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.places(self.norm1(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x + self.mlp(self.norm2(x))


class ChannelsLast(nn.Module):
    """Maps (h, w, c) as in Swin transformers, merged two by two."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.stage1 = nn.Sequential(MixerBlock(8), MixerBlock(8))
        self.merge = nn.Linear(32, 16, bias=False)
        self.stage2 = nn.Sequential(MixerBlock(16), MixerBlock(16))
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage1(self.patch(x).permute(0, 2, 3, 1))
        corners = [x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
        x = self.stage2(self.merge(torch.cat(corners, -1)))
        return self.head(self.norm(x).mean((1, 2)))


class IfOnData(CifarResNet):
    """Decides by what it sees."""

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        if out.mean() > 0.5:
            out = out / out.mean()
        return self.linear(pooled(self.layer3(self.layer2(self.layer1(out)))))


NETWORKS: dict[str, type[nn.Module]] = {
    "resnet": CifarResNet,
    "mobilenet_v2": MobileNetV2,
    "mobilenet_v3": MobileNetV3,
    "efficientnet": EfficientNet,
    "densenet": DenseNet,
    "unet_encoder": UNetEncoder,
    "inception": Inception,
    "convnext": ConvNeXt,
    "vit": VisionTransformer,
    "channels_last": ChannelsLast,
}
"""Those that can be cut."""


def network(name: str, seed: int = 0) -> nn.Module:
    """A network with random weights and batch-norm statistics that are not the first ones."""
    torch.manual_seed(seed)
    module = NETWORKS[name]()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.3, 0.3)
            nn.init.uniform_(part.running_var, 0.6, 1.6)
    return module

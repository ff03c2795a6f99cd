"""Models, one paper a file."""

from yuanli.models.alexnet import AlexNet
from yuanli.models.bag_of_words import BagOfWords
from yuanli.models.densenet import CifarDenseNet, DenseNet
from yuanli.models.gan import GAN, dcgan, gan
from yuanli.models.googlenet import GoogLeNet
from yuanli.models.inception_v3 import InceptionV3
from yuanli.models.inception_v4 import InceptionV4
from yuanli.models.language_model import LanguageModel
from yuanli.models.lenet import LeNet5, LeNet1998
from yuanli.models.linear import LinearClassifier
from yuanli.models.mlp import MLP
from yuanli.models.mobilenet import MobileNetV1, MobileNetV2
from yuanli.models.nin import NiN
from yuanli.models.resnet import BasicBlock, Bottleneck, CifarResNet, PlainBlock, ResNet
from yuanli.models.shufflenet import ShuffleNetV1, ShuffleNetV2
from yuanli.models.squeezenet import SqueezeNet
from yuanli.models.text_cnn import TextCNN
from yuanli.models.text_rnn import TextLSTM
from yuanli.models.vgg import VGG
from yuanli.models.zoo import ZOO, build, build_for, known, native_shape

__all__ = [
    "GAN",
    "MLP",
    "VGG",
    "ZOO",
    "AlexNet",
    "BagOfWords",
    "BasicBlock",
    "Bottleneck",
    "CifarDenseNet",
    "CifarResNet",
    "DenseNet",
    "GoogLeNet",
    "InceptionV3",
    "InceptionV4",
    "LanguageModel",
    "LeNet5",
    "LeNet1998",
    "LinearClassifier",
    "MobileNetV1",
    "MobileNetV2",
    "NiN",
    "PlainBlock",
    "ResNet",
    "ShuffleNetV1",
    "ShuffleNetV2",
    "SqueezeNet",
    "TextCNN",
    "TextLSTM",
    "build",
    "build_for",
    "dcgan",
    "gan",
    "known",
    "native_shape",
]

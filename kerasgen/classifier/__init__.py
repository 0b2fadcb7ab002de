"""The classifier family: pictures -> class logits.

A small network trained from scratch, or a ``keras.applications`` backbone with weights of ImageNet
or a file. A backbone is trained in two stages: the head alone, on features computed once, and then
the whole network at a low learning rate::

    classifier = build_classifier((160, 160, 3), 5, backbone="mobilenet_v2", weights="imagenet")
    features, head = split_head(classifier)
    ClassifierStep(head, Player(head, Adam(1e-3)))  # batches of (features, labels)
    ClassifierStep(classifier, Player(classifier, Adam(1e-5)))  # batches of (images, labels)

``kerasgen.evaluation.classifiers.early_stopping`` has batches of features and early stopping on a
validation split.
"""

from kerasgen.classifier.backbones import BACKBONES
from kerasgen.classifier.builders import build_classifier, split_head
from kerasgen.classifier.steps import (
    ClassifierStep,
    balanced_weights,
    check_class_weights,
    check_labels,
)
from kerasgen.classifier.weights import load_weights

__all__ = [
    "BACKBONES",
    "ClassifierStep",
    "balanced_weights",
    "build_classifier",
    "check_class_weights",
    "check_labels",
    "load_weights",
    "split_head",
]

"""The classifier family: which class is on the picture?

A small network trained from scratch, or a ``keras.applications`` backbone whose weights come from
ImageNet or a file. A backbone is trained in two parts: the head alone, on features computed once,
and then all of it at a small rate::

    classifier = build_classifier((160, 160, 3), 5, backbone="mobilenet_v2", weights="imagenet")
    features, head = split_head(classifier)
    ClassifierStep(head, Player(head, Adam(1e-3)))  # batches of (features, labels)
    ClassifierStep(classifier, Player(classifier, Adam(1e-5)))  # batches of (images, labels)

``kerasgen.evaluation.classifiers.early_stopping`` has the rest: batches of features, the best
weights on a validation split, the early end.
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

"""kerasgen: synthetic image data you can trust.

The map, left to right; a module imports only from what stands left of it:

    data        pictures and what is known about them, before any model
    training    what any family needs to learn; knows no family
    families    refiner: build_refiner, PrefitStep, RefinerStep, ...
                cgan: build_cgan, build_generator, CGANStep, ...
                classifier: build_classifier, ClassifierStep
    evaluation  features, metrics, detectors: is it any good?
    deployment  SavedModels that TensorFlow Serving loads
    cli         the ``kerasgen`` command and the flags the examples share

Nothing heavy is imported here.
"""

__version__ = "0.1.0"

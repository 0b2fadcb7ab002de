"""kerasgen: synthetic image data you can trust.

The jobs, each one call that returns a result you can look at and save:

    compose      cut-out objects on other backgrounds, with exact masks and boxes; and verify
    lay_smoke    smoke over clean pictures, with its exact mask
    draw_eyes    eyes drawn by rule, with exact annotations
    synthesize   an exported model over labels or over a folder, annotations moved along
    compare      how does a synthetic set differ from a real one?
    prove        does it help a classifier? A proof, or an honest no
    write_dossier  data card, Croissant, marks and signatures of a set

Networks and their training:

    cgan         pictures of classes you name: build_cgan, build_generator, build_step, ...
    refiner      rendered pictures look real: build_refiner, build_discriminator, build_steps, ...
    cyclegan     one domain becomes another, without pairs: build_generator, build_step, ...
    classifier   build_classifier, ClassifierStep; autoencoder: build_autoencoder, AutoencoderStep
    Trainer      repeats a Step, with exact resume; a Player moves the weights of one side
    Pictures     labelled and unpaired make restartable batches of them
    export_*     SavedModels that TensorFlow Serving loads; ServedModel calls one
    load         a trained network by its name in the zoo; save_preset writes one for keras-hub

The rooms, from the ground up; a module imports only from its own room and from those above it here:

    io           files: pictures, JSON, sheets, many processes, progress
    annotations  what is known of a picture, and the files that say it
    data         pictures for learning
    procedural, compositing, training
    cgan, refiner, cyclegan, classifier, autoencoder
    evaluation, deployment
    zoo, pipelines   trained models by name; jobs as pipelines of Apache Beam
    cli          the ``kerasgen`` command

Names are loaded when they are first used: nothing heavy is imported here.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

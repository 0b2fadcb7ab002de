"""A generator with a discriminator stacked on it, to be trained with Keras's own methods."""

from __future__ import annotations

from typing import Any

import keras

from kerasgen.cgan.builders import build_original_discriminator, build_original_generator


@keras.saving.register_keras_serializable(package="kerasgen")
class ConditionalGAN(keras.Model):
    """A generator with a discriminator on top that this model never updates.

    The usual recipe in Keras 2: compile the discriminator, set ``discriminator.trainable = False``,
    compile the stack, and train the two in turns. In Keras 3 the discriminator then silently never
    learns, because ``trainable`` is read when a train function is first traced, not when a model is
    compiled. Here the discriminator is frozen *in the stack only*: the stack's trainable variables
    are the generator's, whatever ``trainable`` is, and the discriminator, compiled by itself,
    learns.

    Built by ``build_cgan``. To load one from a ``.keras`` file, import ``kerasgen.cgan`` first.

    Attributes:
        generator: The generator.
        discriminator: The discriminator; do not change its ``trainable``.
    """

    @property
    def generator(self) -> keras.Model:
        """The part that the stack trains."""
        return self._networks()[0]

    @property
    def discriminator(self) -> keras.Model:
        """The part that the stack does not update."""
        return self._networks()[1]

    def _networks(self) -> list[keras.Model]:
        return [layer for layer in self.layers if isinstance(layer, keras.Model)]

    @property
    def trainable_variables(self) -> list[Any]:
        """The generator's."""
        return self.generator.trainable_variables if self.trainable else []

    @property
    def trainable_weights(self) -> list[Any]:
        """The generator's."""
        return self.trainable_variables

    @property
    def non_trainable_variables(self) -> list[Any]:
        """All others, the discriminator's among them."""
        moved = {id(variable) for variable in self.trainable_variables}
        return [variable for variable in self.variables if id(variable) not in moved]

    @property
    def non_trainable_weights(self) -> list[Any]:
        """All others, the discriminator's among them."""
        moved = {id(variable) for variable in self.trainable_variables}
        return [variable for variable in self.weights if id(variable) not in moved]

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The discriminator's outputs of generated pictures; its moving statistics stay.

        Keras would run every layer of a Functional model in the mode of the whole, whatever mode
        the layer was called in when the model was built.
        """
        latent, label = inputs
        fakes = self.generator([latent, label], training=training)
        judging = False if _has_moving_statistics(self.discriminator) else training
        return self.discriminator([fakes, label], training=judging)

    def make_train_function(self, force: bool = False) -> Any:
        """Keras's train function, after a check that the discriminator can still learn by itself.

        The check is not in ``train_step``, which Keras runs only while it traces; this is called by
        every ``train_on_batch`` and ``fit``.

        Raises:
            ValueError: If it is frozen: its own ``train_on_batch`` would then do nothing.
        """
        if not self.discriminator.trainable_variables:
            raise ValueError(
                "The discriminator is frozen, so its own train_on_batch would silently do nothing "
                "in Keras 3. Leave `trainable` of it and its layers True: this stack never updates "
                "it. Received: a discriminator without trainable variables, "
                f"discriminator.trainable={self.discriminator.trainable}"
            )
        return super().make_train_function(force=force)


def build_cgan(
    generator: keras.Model | None = None, discriminator: keras.Model | None = None
) -> ConditionalGAN:
    """Stacks a discriminator, frozen in the stack only, on a generator.

    With no argument, the original pair: 28x28x1, ten classes, latents of 100. For the recommended
    pair call ``build_cgan(build_generator(), build_discriminator(class_head=False))``.

    A frozen discriminator is unfrozen, since the stack never updates it anyway; one of which only
    some layers are frozen stays as it is. One with moving statistics (batch normalization) or
    frozen layers runs in inference mode in the stack, as a frozen one did in Keras 2, so that the
    stack does not change them.

    Args:
        generator: ``[latent, label] -> pictures``.
        discriminator: ``[pictures, label] -> logits``, or several outputs.

    Returns:
        ``[latent, label] -> `` the discriminator's outputs.

    Raises:
        ValueError: If only one of the two is passed, or they do not fit together.
    """
    if (generator is None) != (discriminator is None):
        raise ValueError(
            "Pass both networks or none. "
            f"Received: generator={generator}, discriminator={discriminator}"
        )
    if generator is None or discriminator is None:
        generator, discriminator = build_original_generator(), build_original_discriminator()
    _check_pair(generator, discriminator)
    if not discriminator.trainable_variables:
        _unfreeze(discriminator)
    latent = keras.Input(generator.inputs[0].shape[1:], name="latent")
    label = keras.Input((), dtype="int32", name="label")
    judged = discriminator([generator([latent, label]), label])
    return ConditionalGAN(inputs=[latent, label], outputs=judged, name="cgan")


def _unfreeze(model: keras.Model) -> None:
    # Off and on: Keras sets the flag of the layers only where the model's own changes.
    model.trainable = False
    model.trainable = True
    # A function traced while frozen would update nothing.
    model.train_function = None


def _has_moving_statistics(model: keras.Model) -> bool:
    # Not `variables`, which include the seeds of Dropout.
    return bool(model.non_trainable_weights)


def _check_pair(generator: keras.Model, discriminator: keras.Model) -> None:
    output, expected = generator.outputs[0].shape[1:], discriminator.inputs[0].shape[1:]
    inputs = len(generator.inputs), len(discriminator.inputs)
    if output != expected or inputs != (2, 2):
        raise ValueError(
            "The generator must take [latent, label], the discriminator [pictures, label], and "
            "the pictures must be of one shape. Received: "
            f"generator: {inputs[0]} inputs -> {output}, "
            f"discriminator: {inputs[1]} inputs, {expected}"
        )

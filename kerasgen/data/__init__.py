"""Pictures and what is known about them, before any model."""

from kerasgen._lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "Augmentation": "augmentation",
        "augment": "augmentation",
        "Crops": "crops",
        "crop_corners": "crops",
        "cut": "crops",
        "domain_remarks": "domain_checks",
        "small_picture_remarks": "domain_checks",
        "LabelledImages": "labelled_images",
        "load_labelled": "labelled_images",
        "save_labelled": "labelled_images",
        "stratified_split": "labelled_images",
        "open_source": "labelled_sources",
        "Batches": "pipeline",
        "Pictures": "pipeline",
        "labelled": "pipeline",
        "unpaired": "pipeline",
        "balancing_repeats": "splits",
        "split_by_folder_tail": "splits",
        "split_by_source": "splits",
    },
)

from .options import ProofOptions as ProofOptions
from .proof_data import ImageForm as ImageForm
from .proof_data import read_proof_data as read_proof_data
from .prove import prove_data as prove_data
from .training_sets import nested_order as nested_order
from .verdicts import verdict as verdict

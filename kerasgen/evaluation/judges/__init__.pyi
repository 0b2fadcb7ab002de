from .translator import load_translator as load_translator

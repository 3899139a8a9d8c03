"""Training: recordings and captions in, checkpoints out.

``sources`` decodes recordings once into a memory-mapped pool, ``mixing`` makes mixtures from it on the fly,
``losses`` says what is wanted, ``loop`` learns it, and ``recipe`` is the YAML file that holds every choice.
"""

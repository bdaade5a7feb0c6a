"""Networks: trained with Keras, converted to int8, run by TFLite Micro (docs/network.md)."""

"""Networks in Keras 3 whose every operator int8 accelerators take."""

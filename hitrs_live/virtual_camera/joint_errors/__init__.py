"""Model what the live pose stage makes of a pose that it sees from some view, fast and without any picture."""

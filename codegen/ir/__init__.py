"""The intermediate representation: what readers make, passes change and emitters print."""

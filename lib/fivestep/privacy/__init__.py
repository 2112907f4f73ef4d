"""Privacy: keyed pseudonyms, the vault of direct identifiers, masking."""

"""Models on the Hub: pushing with proof, cards, checking what others have pushed."""

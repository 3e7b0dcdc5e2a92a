"""What stands in `multirecall.training.generation.policy`, under its former place."""

from multirecall.training.generation.policy import Causal, Ids, Policy, Seq2Seq, token_log_probs

__all__ = ["Causal", "Ids", "Policy", "Seq2Seq", "token_log_probs"]

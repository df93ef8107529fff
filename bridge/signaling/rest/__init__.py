"""`/v1`: what vendors' servers ask and decide about their own rooms, as HTTP resources."""

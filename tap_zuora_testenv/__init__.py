"""Singer tap for the refresh jobs of Zuora test environments."""

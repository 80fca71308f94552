"""What flows of Prefect 1 import from its utilities, where Towpath has it; each module only names what lives elsewhere."""

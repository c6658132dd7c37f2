"""What a tenant pays and why: each day's charge opened to its lines, and held against what was really charged."""

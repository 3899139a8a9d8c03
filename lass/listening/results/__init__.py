"""What the ratings say: statistics, screening, tables, figures, the report and exports."""

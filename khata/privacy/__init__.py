"""What is kept, and how it goes: a shop or an account is deleted after 30 days to change one's mind."""

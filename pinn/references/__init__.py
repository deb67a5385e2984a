"""Floor 3: reference solutions that state their own error, by diffrax or in closed form."""

from fastapi import FastAPI
from ccapi.client import ClaudeClient

app = FastAPI()
claude = ClaudeClient(base_url="http://localhost:8080", project_id="chatbot")

@app.post("/chat")
def chat(message: str):
    response = claude.complete(message, model="haiku")
    return {"reply": response.content}

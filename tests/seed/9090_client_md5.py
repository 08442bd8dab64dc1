import socket
import hashlib
sk = socket.socket()
sk.connect(('127.0.0.1',9090))

key = '天王盖地虎'
ch = sk.recv(1024)
md5_obj = hashlib.md5(key.encode('utf-8'))
md5_obj.update(ch)
re = md5_obj.hexdigest()
sk.send(re.encode('utf-8'))

sk.close()

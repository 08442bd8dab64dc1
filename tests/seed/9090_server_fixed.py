import socket
import hashlib
sk = socket.socket()
sk.bind(('127.0.0.1',9090))
sk.listen()
conn,addr = sk.accept()
key = '天王盖地虎'# 这个是固定盐
ch = '这是一个随机字符串'
conn.send(ch.encode('utf-8'))# 把随机字符串发给client
md5_obj = hashlib.md5(key.encode('utf-8'))
md5_obj.update(ch.encode('utf-8'))
re = md5_obj.hexdigest()
# 固定的用盐的加密方式
client_re = conn.recv(1024).decode('utf-8')# 接收client端加密后的结果

if re == client_re:
    print('你好机油!')
    '''收发数据的逻辑'''
else:
    print('你根本不是老司机')
    conn.close()
sk.close()
